// Package apachekafka runs a real Apache Kafka cluster (KRaft, several brokers) on this machine for
// tests that need what a broker in memory cannot show: replicas, leaders that move, a kill -9 of one
// broker of three, compaction, the transaction coordinator's own log.
//
// Reads     a cache folder, into which Maven puts the published jars once; java and mvn on PATH
// Writes    that folder, and the cluster's own folder
// Promises  brokers listen on loopback, at ports nobody else has; none outlives the process that started them (Linux)
// Refuses   a jar whose hash is not the pinned one
package apachekafka

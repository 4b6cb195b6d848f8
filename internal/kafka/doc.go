// Package kafka is what every Kafka client of this process shares: how to reach the brokers, how topics come to be, and
// counters on the wire. What is produced and consumed is the stages' own business.
//
// Nothing here knows whether the brokers are real or embedded.
package kafka

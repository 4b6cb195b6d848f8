// Package config fills a tree of Go structs from one YAML file, the environment and the command line, and says no once.
//
// A section is a struct; a key is a field with a yaml tag. Values already in the tree are the defaults. Later sources win:
// defaults, then the file, then the environment, then Options.Set. A list or a map replaces the default as a whole: a default
// entry that survived beside the operator's own (a demo write key, say) would be a door nobody knows of.
//
// Load refuses what it does not understand and reports every fault at once, each with its place: a config is mended in one
// round, not in ten. Reading is plain reflection over yaml tags; rules about values are Go code in a section's
// Validate() error, never in tags, because a mistyped tag fails silent.
package config

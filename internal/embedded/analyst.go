package embedded

// Analyst is a user of the server who reads and changes nothing, as users.xml has it: the embedded server keeps users in that
// file alone, so they are there from its start, and a change of the config needs another start.
type Analyst struct {
	Name           string
	PasswordSHA256 string   // hex; empty: none is asked for, and only this machine comes in
	Readable       []string // tables and views of Database; "*" is all of them
	Filtered       []string // tables of which only the rows that Filter lets through are seen
	Filter         string   // an SQL condition; empty: all rows
	Memory         int64    // bytes of one query
	QuerySeconds   int      // of one query
	QueriesPerHour int
	SecondsPerHour int // of all queries of an hour together
	Concurrent     int
}

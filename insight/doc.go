// Package insight answers the questions that a sales manager asks of the tables: which stage holds how many leads, how many
// of them go on, and what the open ones will bring.
//
// Reads     stage_log, lead_state, deals
// Writes    forecasts: each one that a report has shown, so that it can be graded
// Promises  no bare rate: every one comes with its interval and the number behind it; leads that had too little time are not failures
// Refuses   to forecast from nothing: a stage without matured leads says so instead of a number
//
// A question is a struct with sql(), held to golden text; the statistic over its rows is a pure function.
package insight

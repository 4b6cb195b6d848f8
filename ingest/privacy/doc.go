// Package privacy takes out of events what their site or their visitor does not want kept.
//
// Reads     a site's policy, the visitor's word, the event
// Writes    the event; and in a folder one random salt a day, which is deleted when the day is over
// Promises  equal emails and listed values become equal hashes wherever they stand, so that joins hold; what was taken out is counted
// Refuses   nothing by itself: it says Drop, and the pipeline does
package privacy

// Version is the number of these rules: it rises when an event would be cut otherwise.
const Version = "1"

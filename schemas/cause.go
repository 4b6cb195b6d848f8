package schemas

// What moves a lead to another stage: stage_log.cause.
const (
	CauseEvent    = "event"    // an event that counted
	CauseTimer    = "timer"    // the score passed below the stage's floor by itself
	CauseCRM      = "crm"      // a signed CRM event
	CausePublish  = "publish"  // another model was published: history was scored anew
	CauseIdentity = "identity" // ids of a person were joined, and count together now
)

// StageCauses are all of them, for whoever puts them into words.
var StageCauses = []string{CauseEvent, CauseTimer, CauseCRM, CausePublish, CauseIdentity}

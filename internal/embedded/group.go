package embedded

import (
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answerInTime has members that wait in a rebalance answered before their session is over.
//
// kfake, unlike Kafka, counts the session on while a member waits in JoinGroup or SyncGroup for
// another one (groups.go, updateHeartbeat and removeMember). A leader that is killed between the
// two lets all sessions end at the same moment as its own: members that are alive are then dropped
// without a reply, and their clients wait for the rebalance timeout and ten seconds, 70 in all.
// Both waits are bounded by the rebalance timeout, so it may not be more than half a session. The
// price: a member that needs longer to finish what it does is put out, and joins again.
func answerInTime(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		join := r.(*kmsg.JoinGroupRequest)
		if most := join.SessionTimeoutMillis / 2; join.RebalanceTimeoutMillis <= 0 || join.RebalanceTimeoutMillis > most {
			join.RebalanceTimeoutMillis = most
		}
		return nil, nil, false
	})
}

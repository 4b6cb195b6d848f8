package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"leadstream/schemas/pb"
)

// eventVocabulary is the names a rule's `when` may use.
var eventVocabulary = vocabulary[*pb.Event]{
	texts: map[string]func(*pb.Event) string{
		"type":          (*pb.Event).GetType,
		"name":          (*pb.Event).GetName,
		"site":          (*pb.Event).GetSite,
		"url":           (*pb.Event).GetUrl,
		"host":          (*pb.Event).GetHost,
		"path":          (*pb.Event).GetPath,
		"title":         (*pb.Event).GetTitle,
		"referrer":      (*pb.Event).GetReferrer,
		"referrer_host": (*pb.Event).GetReferrerHost,
		"channel":       (*pb.Event).GetChannel,
		"utm_source":    (*pb.Event).GetUtmSource,
		"utm_medium":    (*pb.Event).GetUtmMedium,
		"utm_campaign":  (*pb.Event).GetUtmCampaign,
		"utm_term":      (*pb.Event).GetUtmTerm,
		"utm_content":   (*pb.Event).GetUtmContent,
		"user_id":       (*pb.Event).GetUserId,
		"group_id":      (*pb.Event).GetGroupId,
		"locale":        (*pb.Event).GetLocale,
		"country":       (*pb.Event).GetCountry,
		"region":        (*pb.Event).GetRegion,
		"city":          (*pb.Event).GetCity,
		"device":        (*pb.Event).GetDevice,
		"browser":       (*pb.Event).GetBrowser,
		"os":            (*pb.Event).GetOs,
		"protocol":      (*pb.Event).GetProtocol,
		"bot_kind":      (*pb.Event).GetBotKind,
		"network":       (*pb.Event).GetNetwork,
	},
	numbers: map[string]func(*pb.Event) float64{
		"engaged_s": func(ev *pb.Event) float64 { return float64(ev.GetEngagedMs() / 1000) },
		"scroll":    func(ev *pb.Event) float64 { return float64(ev.GetScrollPct()) },
	},
	facts: map[string]func(*pb.Event) bool{
		"bot":     (*pb.Event).GetBot,
		"trusted": (*pb.Event).GetTrusted,
	},
	objects: map[string]func(*pb.Event) []byte{
		"props":  (*pb.Event).GetProperties,
		"traits": (*pb.Event).GetTraits,
	},
}

// maxObject bounds the JSON an expression may look into; the collectors refuse
// larger events long before.
const maxObject = 256 << 10

// eventEnv shows every name with a value of its type, for the type checker.
func eventEnv() map[string]any {
	env := map[string]any{}
	for name := range eventVocabulary.texts {
		env[name] = ""
	}
	for name := range eventVocabulary.numbers {
		env[name] = 0
	}
	for name := range eventVocabulary.facts {
		env[name] = false
	}
	for name := range eventVocabulary.objects {
		env[name] = map[string]any{}
	}
	return env
}

// EventWords are the names a rule's `when` may use, sorted.
func EventWords() []string { return slices.Sorted(maps.Keys(eventEnv())) }

// checkEventWords has nothing to refuse but expr's door to the whole table.
func checkEventWords(w *expressionWords) error {
	if w.names["$env"] {
		return fmt.Errorf("$env is not available: name the field itself")
	}
	return nil
}

// fillEvent sets the names that are needed; env keeps its other entries.
func fillEvent(env map[string]any, ev *pb.Event, names needs) {
	for name := range names {
		if get, ok := eventVocabulary.texts[name]; ok {
			env[name] = get(ev)
		} else if get, ok := eventVocabulary.numbers[name]; ok {
			env[name] = int(get(ev))
		} else if get, ok := eventVocabulary.facts[name]; ok {
			env[name] = get(ev)
		} else if get, ok := eventVocabulary.objects[name]; ok {
			env[name] = jsonObject(get(ev))
		}
	}
}

var emptyObject = map[string]any{}

// jsonObject reads a JSON object; what is none, or too large, is empty.
func jsonObject(data []byte) map[string]any {
	if len(data) < 3 || len(data) > maxObject {
		return emptyObject
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil || out == nil {
		return emptyObject
	}
	return out
}

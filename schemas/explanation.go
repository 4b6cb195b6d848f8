package schemas

import "time"

// Explanation says why a lead has its score at one instant, what would raise
// it, and when it falls. It is what GET /v1/leads/{id}/explain answers.
// Points are as of At.
type Explanation struct {
	At           time.Time `json:"at"`
	Track        string    `json:"track"`
	ModelVersion string    `json:"model_version"`
	Score        float64   `json:"score"`
	Unclamped    float64   `json:"unclamped"`
	Grade        string    `json:"grade"`
	Engagement   int       `json:"engagement"`
	Fit          string    `json:"fit"`
	// 0..100 over what is known; absent when nothing is, or the model has no fit.
	FitValue *float64 `json:"fit_value,omitempty"`
	// How much of the weight is known, 0..1; below 0.4 the fit is "?".
	FitCompleteness float64 `json:"fit_completeness"`
	// In the model's order.
	FitAttributes []FitAttribute `json:"fit_attributes,omitempty"`
	Stage         StageName      `json:"stage"`
	SubStage      *StageName     `json:"sub_stage,omitempty"`
	// Sorted by falling absolute value.
	Rules     []RuleValue  `json:"rules"`
	Groups    []GroupValue `json:"groups"`
	Interests []Interest   `json:"interests"`
	Next      *NextStage   `json:"next,omitempty"`
	Falls     *Fall        `json:"falls,omitempty"`
	// What rules the lead out, whatever its score.
	Flags []StageName `json:"flags"`
	// One sentence each, to be said on the phone.
	Sentence   string `json:"sentence"`
	SentenceZH string `json:"sentence_zh"`
	// The same to be read, with grade, points, fit and instants.
	Details   string `json:"details"`
	DetailsZH string `json:"details_zh"`
}

// FitAttribute is one thing worth knowing of a lead.
type FitAttribute struct {
	Attribute string `json:"attribute"`
	Title     string `json:"title"`
	// Chinese title.
	TitleZH string  `json:"title_zh"`
	Weight  float64 `json:"weight"`
	Known   bool    `json:"known"`
	// How well the answer fits, 0..1.
	Match float64 `json:"match"`
	// What it brings to fit_value, and the most that it could.
	Points   float64 `json:"points"`
	Possible float64 `json:"possible_points"`
}

// StageName is a stage in both languages.
type StageName struct {
	ID string `json:"id"`
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// RuleValue is what one rule gives today.
type RuleValue struct {
	Rule  string `json:"rule"`
	Title string `json:"title"`
	// Chinese title.
	TitleZH string  `json:"title_zh"`
	Group   string  `json:"group"`
	Points  float64 `json:"points"`
	// How many units stand behind it in the days that are still open, and the
	// UTC date of the newest one, open or not.
	RecentHits int    `json:"recent_hits"`
	LastDay    string `json:"last_day,omitempty"`
	// Days until half of it is gone; 0 = never fades.
	HalfLifeDays float64 `json:"half_life_days"`
}

// GroupValue is a group's sum before and after its cap and floor.
type GroupValue struct {
	Group   string  `json:"group"`
	Sum     float64 `json:"sum"`
	Clamped float64 `json:"clamped"`
	Cap     float64 `json:"cap"`
	Floor   float64 `json:"floor"`
}

// Interest is the sum of the rules that carry one interest label.
type Interest struct {
	Label  string  `json:"label"`
	Points float64 `json:"points"`
}

// NextStage is the next promotion: what is missing and the cheapest way there.
type NextStage struct {
	Stage   StageName `json:"stage"`
	At      float64   `json:"at_score"`
	Missing float64   `json:"missing_points"`
	// Criteria not met yet, as the model words them.
	Criteria   []string `json:"missing_criteria"`
	CriteriaZH []string `json:"missing_criteria_zh"`
	// The single rule that would reach the score with the fewest hits; empty
	// when no one rule can.
	CheapestRule    string `json:"cheapest_rule,omitempty"`
	CheapestTitle   string `json:"cheapest_title,omitempty"`
	CheapestTitleZH string `json:"cheapest_title_zh,omitempty"`
	Hits            int    `json:"cheapest_hits,omitempty"`
}

// Fall is the demotion that time alone will bring.
type Fall struct {
	To StageName `json:"to"`
	At time.Time `json:"at"`
}

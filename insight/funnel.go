package insight

import (
	"fmt"
	"time"

	"leadstream/schemas"
)

// TooSmall is the number of matured leads below which a rate is printed with a warning. At 20 the 95 % interval of a rate
// near 30 % is still 40 points wide.
const TooSmall = 20

// Funnel is how many leads each stage holds and how many of them go on.
type Funnel struct {
	At         time.Time     `json:"at"`
	Site       string        `json:"site,omitempty"`
	Track      string        `json:"track,omitempty"`
	WindowDays float64       `json:"window_days"`
	Stages     []FunnelStage `json:"stages"`
	Note       Text          `json:"note"`
}

// FunnelStage is one line of the funnel.
type FunnelStage struct {
	Stage   schemas.StageName `json:"stage"`
	Open    uint64            `json:"open"`
	Entered uint64            `json:"entered"`
	Matured uint64            `json:"matured"`
	Reached uint64            `json:"reached_next"`
	// Leads that got further before they were old enough to be judged.
	Early uint64 `json:"reached_next_early"`
	// Null at the ends of the path and where no lead is matured.
	Conversion *Interval `json:"conversion"`
	Note       *Text     `json:"note,omitempty"`
}

// Text is a sentence in both languages.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// NewFunnel turns counts into a funnel.
func NewFunnel(scope Scope, counts []StageCount) Funnel {
	f := Funnel{At: scope.At, Site: scope.Site, Track: scope.Track, WindowDays: scope.Window.Hours() / 24}
	var seen, matured uint64
	for i, c := range counts {
		line := FunnelStage{
			Stage: scope.Stages[i], Open: c.Open, Entered: c.Entered, Matured: c.Matured, Reached: c.Reached, Early: c.EarlyReached,
		}
		if !terminal(c.Stage) {
			line.Conversion, line.Note = conversion(c)
			matured += c.Matured
		}
		seen += c.Entered
		f.Stages = append(f.Stages, line)
	}
	f.Note = funnelNote(seen, matured, f.WindowDays)
	return f
}

// terminal stages have no next one.
func terminal(stage string) bool { return stage == StageWon || stage == StageLost }

func conversion(c StageCount) (*Interval, *Text) {
	rate, ok := Wilson(c.Reached, c.Matured)
	switch {
	case c.Entered == 0:
		return nil, nil
	case !ok:
		return nil, &Text{
			EN: fmt.Sprintf("no lead old enough to judge; %d of %d went on already", c.EarlyReached, c.Entered),
			ZH: fmt.Sprintf("尚无可评估的线索；%d 条中已有 %d 条继续前进", c.Entered, c.EarlyReached),
		}
	case c.Matured < TooSmall:
		return &rate, &Text{
			EN: fmt.Sprintf("only %d leads: read the interval, not the rate", c.Matured),
			ZH: fmt.Sprintf("仅 %d 条线索：请看区间，不要看单一比率", c.Matured),
		}
	}
	return &rate, nil
}

func funnelNote(seen, matured uint64, days float64) Text {
	switch {
	case seen == 0:
		return Text{EN: "No lead has been seen yet.", ZH: "还没有任何线索。"}
	case matured == 0:
		return Text{
			EN: fmt.Sprintf("No lead entered its stage %g or more days ago, so no rate can be given yet. A smaller window judges sooner, on less.", days),
			ZH: fmt.Sprintf("还没有进入阶段满 %g 天的线索，暂时无法给出转化率。缩短窗口可更早评估，但依据更少。", days),
		}
	}
	return Text{
		EN: fmt.Sprintf("Rates count leads that entered their stage %g or more days ago; ranges are 95 %% Wilson intervals.", days),
		ZH: fmt.Sprintf("转化率只统计进入阶段满 %g 天的线索；区间为 95%% Wilson 区间。", days),
	}
}

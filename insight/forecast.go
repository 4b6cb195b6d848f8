package insight

import (
	"fmt"
	"time"

	"leadstream/schemas"
)

// Forecast is what the open leads will bring, stage by stage. The stages' means add up to the total.
type Forecast struct {
	At         time.Time       `json:"at"`
	Site       string          `json:"site,omitempty"`
	Track      string          `json:"track,omitempty"`
	WindowDays float64         `json:"window_days"`
	Currency   string          `json:"currency,omitempty"`
	Deals      int             `json:"deals"`
	Stages     []StageForecast `json:"stages"`
	// Without matured and won: a past lead stood in several stages, so they do not add up.
	Total StageForecast `json:"total"`
	Note  Text          `json:"note"`
}

// StageForecast is one line of the forecast.
type StageForecast struct {
	Stage   schemas.StageName `json:"stage"`
	Open    uint64            `json:"open"`
	Matured uint64            `json:"matured"`
	Won     uint64            `json:"won"`
	// The expected chance of one lead; null, with Wins and Value, when no past lead can tell.
	Chance *float64 `json:"chance"`
	Wins   *Band    `json:"wins"`
	// Null without won deals to size it by.
	Value *Band `json:"value"`
	Note  *Text `json:"note,omitempty"`
}

// Band is an expectation and its 80 % range.
type Band struct {
	Mean float64 `json:"mean"`
	P10  float64 `json:"p10"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
}

// NewForecast forecasts from counts and won deals. It is a pure function: the same tables give the same forecast.
func NewForecast(scope Scope, counts []StageCount, deals Deals) Forecast {
	f := Forecast{
		At: scope.At, Site: scope.Site, Track: scope.Track, WindowDays: scope.Window.Hours() / 24,
		Currency: deals.Currency, Deals: len(deals.Amounts),
		Total: StageForecast{Stage: schemas.StageName{EN: "total", ZH: "合计"}},
	}
	sum := newDraws()
	for i, c := range counts {
		if terminal(c.Stage) {
			continue
		}
		line := StageForecast{Stage: scope.Stages[i], Open: c.Open, Matured: c.Matured, Won: c.Won}
		f.Total.Open += c.Open
		if c.Matured == 0 {
			if c.Open > 0 {
				line.Note = &Text{EN: "no past lead old enough: no forecast", ZH: "没有足够久的历史线索，无法预测"}
			}
		} else {
			model := BetaBinomial{Open: c.Open, Matured: c.Matured, Won: c.Won}
			line.fill(model, deals, uint64(i), sum)
		}
		f.Stages = append(f.Stages, line)
	}
	f.total(sum, deals)
	f.Note = forecastNote(f, deals)
	return f
}

// fill computes one stage and adds its draws to the sum.
func (s *StageForecast) fill(model BetaBinomial, deals Deals, stream uint64, sum *draws) {
	alpha, beta := model.posterior()
	chance := alpha / (alpha + beta)
	s.Chance = &chance
	q := model.Quantiles(0.1, 0.5, 0.9)
	s.Wins = &Band{Mean: model.Mean(), P10: float64(q[0]), P50: float64(q[1]), P90: float64(q[2])}
	d := drawStage(model, deals.Amounts, stream)
	sum.add(d)
	if len(deals.Amounts) > 0 {
		value := d.valueBand(model.Mean() * mean(deals.Amounts))
		s.Value = &value
	}
	if s.Matured < TooSmall {
		s.Note = &Text{
			EN: fmt.Sprintf("only %d past leads: the band is wide because little is known", s.Matured),
			ZH: fmt.Sprintf("仅 %d 条历史线索：依据不足，区间较宽", s.Matured),
		}
	}
}

// total adds the stages up: means exactly, bands by the summed draws. Draws of stages are independent, for a lead is in one.
func (f *Forecast) total(sum *draws, deals Deals) {
	var wins, value float64
	var told []StageForecast
	for _, s := range f.Stages {
		if s.Wins == nil {
			continue
		}
		told = append(told, s)
		wins += s.Wins.Mean
		if s.Value != nil {
			value += s.Value.Mean
		}
	}
	switch {
	case len(told) == 0:
		return
	case len(told) == 1: // the exact distribution is at hand
		f.Total.Wins, f.Total.Value = told[0].Wins, told[0].Value
		return
	}
	band := sum.winsBand(wins)
	f.Total.Wins = &band
	if len(deals.Amounts) > 0 {
		band := sum.valueBand(value)
		f.Total.Value = &band
	}
}

func forecastNote(f Forecast, deals Deals) Text {
	if f.Total.Wins == nil {
		return Text{
			EN: fmt.Sprintf("No forecast yet: no lead entered a stage %g or more days ago, so nothing is known about how they end.", f.WindowDays),
			ZH: fmt.Sprintf("暂时无法预测：还没有进入阶段满 %g 天的线索，无从得知结果。", f.WindowDays),
		}
	}
	note := Text{
		EN: "Ranges are 80 % bands: in one of five cases the truth is expected outside.",
		ZH: "区间为 80% 区间：平均五次中有一次会落在区间之外。",
	}
	switch {
	case len(deals.Amounts) == 0:
		note.EN += " No won deal has an amount, so there is no value."
		note.ZH += "没有带金额的成交，因此不估算金额。"
	case len(deals.Amounts) < TooSmall:
		note.EN += fmt.Sprintf(" Values rest on only %d won deals.", len(deals.Amounts))
		note.ZH += fmt.Sprintf("金额仅依据 %d 笔成交。", len(deals.Amounts))
	}
	if deals.Other > 0 {
		note.EN += fmt.Sprintf(" %d deals in other currencies are left out.", deals.Other)
		note.ZH += fmt.Sprintf("未计入其他币种的 %d 笔成交。", deals.Other)
	}
	return note
}

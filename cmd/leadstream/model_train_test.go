package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/insight/learn"
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

const dayMS = int64(24 * time.Hour / time.Millisecond)

var trainBegin = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC).UnixMilli()

// acts are one id's visits from a day on, and its win, if any.
func acts(anonymous, user string, begin int64, paths []string, wonAt int64) (list []replay.Moment) {
	add := func(ev *pb.Event) {
		ev.EventId, ev.Site, ev.AnonymousId, ev.UserId = fmt.Sprint(anonymous, user, len(list)), "s", anonymous, user
		ev.ReceivedAt = ev.EventTime
		list = append(list, replay.Moment{Event: ev, Offset: int64(len(list))})
	}
	for i, path := range paths {
		add(&pb.Event{Type: "page", Path: path, SessionId: fmt.Sprint(i), EventTime: begin + int64(i)*dayMS/2})
	}
	if wonAt != 0 {
		add(&pb.Event{Type: "crm", EventTime: wonAt, Trusted: true, Properties: []byte(`{"stage":"won"}`)})
	}
	return list
}

func someOf(rng *rand.Rand, n int, paths ...string) (list []string) {
	for range n {
		list = append(list, paths[rng.IntN(len(paths))])
	}
	return list
}

// buyers is a world in which whoever looks at the prices buys more often.
func buyers(n int) (list []replay.History) {
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range n {
		begin, chance, wonAt := trainBegin+int64(i)*dayMS/20, 0.15, int64(0)
		paths := someOf(rng, 2+rng.IntN(3), "/", "/docs/a", "/blog/a", "/product")
		if rng.IntN(2) == 0 {
			paths, chance = append(paths, "/pricing"), 0.55
		}
		if rng.Float64() < chance {
			wonAt = begin + 20*dayMS
		}
		id := fmt.Sprint("a", i)
		list = append(list, replay.History{ID: schemas.NewLeadID("s/" + id), Site: "s", Moments: acts(id, "", begin, paths, wonAt)})
	}
	return list
}

// training is a word to learn from histories, without a store.
func training(t *testing.T, format string, list []replay.History) (*modelTrainWord, *replaying, *bytes.Buffer) {
	var errs bytes.Buffer
	w := &modelTrainWord{Out: filepath.Join(t.TempDir(), "draft.yml"), questionFlags: questionFlags{Outcome: "won", Window: 7, Horizon: 60}}
	w.Format = format
	r := &replaying{running: model.Default(), text: model.DefaultText(), now: time.UnixMilli(trainBegin + 400*dayMS), stderr: &errs}
	r.Cores = 2
	r.source = func(_ context.Context, share, of int, each func(replay.History) error) error {
		for i := share; i < len(list); i += of {
			if err := each(list[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return w, r, &errs
}

// What a program reads is one JSON object or one CSV table, and its points are the draft's; no --force is needed where there
// is something to learn.
func TestTrainedAnswersAreForProgramsToo(t *testing.T) {
	world := buyers(700)
	w, r, errs := training(t, "json", world)
	var out bytes.Buffer
	require.NoError(t, w.learn(t.Context(), r, &out))
	require.Contains(t, errs.String(), "draft.yml is written")
	var learned learn.Learned
	strict := json.NewDecoder(bytes.NewReader(out.Bytes()))
	strict.DisallowUnknownFields()
	require.NoError(t, strict.Decode(&learned))
	require.False(t, strict.More(), "nothing stands behind the object")
	require.NotRegexp(t, `"[A-Z]\w*":`, out.String(), "keys are snake_case")
	requireDraft(t, w.Out, learned)

	w, r, errs = training(t, "csv", world)
	out.Reset()
	require.NoError(t, w.learn(t.Context(), r, &out))
	require.Contains(t, errs.String(), "draft.yml is written")
	rows, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+len(learned.Features))
	for i, f := range learned.Features {
		require.Equal(t, []string{f.Name, strconv.FormatBool(f.Believed), strconv.Itoa(f.Points)}, rows[i+1][:3])
	}
}

// requireDraft wants the learned points in the file, and above each rule what they rest on.
func requireDraft(t *testing.T, file string, l learn.Learned) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	m, err := model.Load(text, file)
	require.NoError(t, err)
	require.Equal(t, "default_learned", m.Name())
	points, was := map[string]float64{}, map[string]float64{}
	for _, r := range m.Rules() {
		points[r.ID] = r.Points
	}
	for _, r := range model.Default().Rules() {
		was[r.ID] = r.Points
	}
	believed := 0
	for _, f := range l.Features {
		comment := regexp.MustCompile(`# (learned|not learned): (.*)\n(?: *# (?:odds|1 instead).*\n)* *(?:# )?- id: ` + f.Name + `\n`).FindSubmatch(text)
		require.NotNil(t, comment, f.Name)
		if !f.Believed {
			require.Equal(t, "not learned", string(comment[1]), f.Name)
			require.Contains(t, string(comment[2]), fmt.Sprintf("%d leads met it, %d of them won", f.Exposed, f.Won))
			require.Equal(t, was[f.Name], points[f.Name], f.Name)
			continue
		}
		believed++
		require.Contains(t, string(comment[2]), fmt.Sprintf("%d of %d leads met it", f.Exposed, l.Older))
		if f.Points != 0 {
			require.Equal(t, float64(f.Points), points[f.Name], f.Name)
		}
	}
	require.Greater(t, believed, 4)
	require.Equal(t, 10.0, points["pricing"])
}

// What a person reads: area with interval, Brier score, reliability and ten tenths with their lift.
func TestTrainTellsHowGoodItIs(t *testing.T) {
	w, r, _ := training(t, "table", buyers(700))
	var out bytes.Buffer
	require.NoError(t, w.learn(t.Context(), r, &out))
	text := out.String()
	interval := `0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]`
	require.Regexp(t, `AUC `+interval+`, with whole points `+interval, text)
	require.Regexp(t, `Brier 0\.\d{4}, against 0\.\d{4} of`, text)
	require.Contains(t, text, "draft.yml is written")
	_, reliability, found := strings.Cut(text, "Reliability")
	require.True(t, found)
	reliability, tenths, found := strings.Cut(reliability, "Tenths of the newest leads")
	require.True(t, found)
	require.GreaterOrEqual(t, len(regexp.MustCompile(`\d+\.\d %.*\d+\.\d % \[\d+\.\d, \d+\.\d\]`).FindAllString(reliability, -1)), 3)
	rows := regexp.MustCompile(`(?m)^\W*(\d+)\b.* to .*?(\d+\.\d\d)\s*$`).FindAllStringSubmatch(tenths, -1)
	require.Len(t, rows, 10, tenths)
	first, err := strconv.ParseFloat(rows[0][2], 64)
	require.NoError(t, err)
	require.Greater(t, first, 1.2)
}

// Of noise there is nothing to learn, also where only those who buy say who they are: at the win a device with many visits
// is joined to them, which it never is to the others.
func TestWhoIsIdentifiedLateTeachesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var list []replay.History
	for i := range 500 {
		begin, wonAt := trainBegin+int64(i)*dayMS/20, int64(0)
		if rng.Float64() < 0.3 {
			wonAt = begin + (15+rng.Int64N(20))*dayMS
		}
		user, phone := fmt.Sprint("u", i), fmt.Sprint("d", i)
		own := acts("", user, begin+dayMS, someOf(rng, 1+rng.IntN(3), "/", "/docs/a", "/blog/a", "/pricing"), wonAt)
		device := acts(phone, "", begin, someOf(rng, 3+rng.IntN(4), "/", "/docs/b", "/blog/b", "/pricing", "/product"), 0)
		if wonAt == 0 {
			list = append(list, replay.History{ID: schemas.NewLeadID("s/" + phone), Site: "s", Moments: device})
		} else {
			for _, m := range device {
				m.Partition, m.Joined = 1, wonAt
				own = append(own, m)
			}
		}
		list = append(list, replay.History{ID: schemas.NewLeadID("s/" + user), Site: "s", Moments: own})
	}
	w, r, _ := training(t, "table", list)
	var out bytes.Buffer
	require.ErrorIs(t, w.learn(t.Context(), r, &out), learn.ErrNoSignal, out.String())
	require.NoFileExists(t, w.Out)
}

func TestALearnedModelHasANameThatIsOne(t *testing.T) {
	long := "a" + strings.Repeat("b", model.MaxName-1)
	for name, want := range map[string]string{"default": "default_learned", "default_learned": "default_learned", long: long[:40] + "_learned"} {
		require.Equal(t, want, learnedName(name))
		text := strings.Replace(string(model.DefaultText()), "name: default ", "name: "+name+" ", 1)
		_, err := model.Redraft([]byte(text), "draft.yml", learnedName(name), nil, nil)
		require.NoError(t, err)
	}
}

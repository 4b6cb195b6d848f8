package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"leadstream/internal/config"
	"leadstream/internal/daemon"
	"leadstream/leads"
	"leadstream/schemas"
	"leadstream/scoring"
	"leadstream/scoring/model"
)

// Several models are several tracks: each scores every lead by itself. The first is the one of key `model`; the
// others are listed in `models`.

// modelOf is the model of a track among those of the config; "" is the first.
func (c *Config) modelOf(track string) (*model.Model, error) {
	list, err := c.loadModels(config.Report{})
	if err != nil {
		return nil, err
	}
	return pick(list, track)
}

// runningIn is that model, and the text of its file.
func (c *Config) runningIn(track string) (*model.Model, []byte, error) {
	m, err := c.modelOf(track)
	if err != nil {
		return nil, nil, err
	}
	for _, file := range c.Models {
		if other, text, err := readDraft(file); err == nil && other.Track() == m.Track() {
			return other, text, nil
		}
	}
	if c.Model == "" {
		return m, model.DefaultText(), nil
	}
	return readDraft(c.Model)
}

// trackOfDraft is the track that a draft is for. One that nobody scores yet is held against the first.
func (c *Config) trackOfDraft(draft *model.Model) string {
	if draft == nil {
		return ""
	}
	if m, err := c.modelOf(draft.Track()); err == nil {
		return m.Track()
	}
	return ""
}

func pick(list []*model.Model, track string) (*model.Model, error) {
	var names []string
	for _, m := range list {
		if track == "" || m.Track() == track {
			return m, nil
		}
		names = append(names, m.Track())
	}
	return nil, fmt.Errorf("track %q is none of %v: name its model file in `models`, or with --model", track, names)
}

// further is what a worker, its group and its records are called by: "" for the first.
func (b *base) further(i int) string {
	if i == 0 {
		return ""
	}
	return b.models[i].Track()
}

// scoringGroups are the groups of all tracks.
func (b *base) scoringGroups() (groups []string) {
	for i := range b.models {
		groups = append(groups, scoring.GroupOf(b.cfg.Scoring.Group, b.further(i)))
	}
	return groups
}

// tracks are what the leads role has to know of them.
func (b *base) tracks() (list []leads.Track) {
	for _, m := range b.models {
		list = append(list, leads.Track{Name: m.Track(), Stages: stageNames(m)})
	}
	return list
}

// allStages are the first track's path, and behind it what others have besides.
func (b *base) allStages() (list []schemas.StageName) {
	known := map[string]bool{}
	for _, m := range b.models {
		for _, s := range stageNames(m) {
			if !known[s.ID] {
				known[s.ID] = true
				list = append(list, s)
			}
		}
	}
	return list
}

// ruleTitle asks the models in their order.
func (b *base) ruleTitle(rule string) (en, zh string) {
	for _, m := range b.models {
		if en, zh = m.RuleTitle(rule); en != "" || zh != "" {
			return en, zh
		}
	}
	return "", ""
}

// worker makes one track's, and what watches its model.
func (b *base) worker(i int, deps scoring.Deps) (*modelWatch, error) {
	watch, err := b.openWatch(context.Background(), i)
	if err != nil {
		return nil, err
	}
	deps.Log, deps.Model, deps.Track, deps.History = b.log.Named("scoring"), b.models[i], b.further(i), watch.history
	name := "scoring"
	if deps.Track != "" {
		deps.Log, name = deps.Log.With(zap.String("track", deps.Track)), name+"-"+deps.Track
	}
	deps.Registry = prometheus.WrapRegistererWith(prometheus.Labels{"track": deps.Model.Track()}, b.registry)
	if watch.worker, err = scoring.New(b.cfg.Scoring, deps); err != nil {
		return nil, err
	}
	watch.tell()
	b.health.Register(name, watch.worker.Ready)
	return watch, nil
}

// trackRetry is the pause before a further track that gave up is begun again.
const trackRetry = 10 * time.Second

// scoreAll runs every track's worker. The first one's failure ends the process, so that it is seen to; another's
// is logged and shows in /readyz, and the others go on.
func scoreAll(log *zap.Logger, watches []*modelWatch) daemon.Part {
	return daemon.Part{Name: "scoring", Run: func(ctx context.Context) error {
		work, ctx := errgroup.WithContext(ctx)
		work.Go(func() error { return watches[0].worker.Run(ctx) })
		for _, w := range watches[1:] {
			work.Go(func() error {
				for {
					err := w.worker.Run(ctx)
					if err == nil || ctx.Err() != nil {
						return nil
					}
					log.Error("a track is not scored; beginning again", zap.String("track", w.track), zap.Duration("after", trackRetry), zap.Error(err))
					select {
					case <-ctx.Done():
						return nil
					case <-time.After(trackRetry):
					}
				}
			})
		}
		return work.Wait()
	}}
}

// watchAll watches every track's model.
func watchAll(watches []*modelWatch) daemon.Part {
	return daemon.Part{Name: "model", Run: func(ctx context.Context) error {
		var work errgroup.Group
		for _, w := range watches {
			work.Go(func() error { return w.run(ctx) })
		}
		return work.Wait()
	}}
}

package config

import (
	"errors"
	"time"
)

// The tree that all tests load: one of every kind of value, shaped like the product's config without its words.
type tree struct {
	Intake  intake           `yaml:"intake"`
	Store   store            `yaml:"store"`
	Workers map[string]block `yaml:"workers"`
	Untold  string           // no tag: not a key
}

type intake struct {
	Listen  string        `yaml:"listen"`
	Timeout time.Duration `yaml:"timeout"`
	MaxBody Size          `yaml:"max_body"`
	Origins []string      `yaml:"origins"`
	Doors   []door        `yaml:"doors"`
	Debug   bool          `yaml:"debug"`
}

type door struct {
	Name string `yaml:"name"`
	Key  Secret `yaml:"key"`
}

func (d *door) Validate() error {
	var p Problems
	p.Check(d.Name != "", "name", "must not be empty")
	return p.Err()
}

type store struct {
	Batch    batch   `yaml:"batch"`
	Ratio    float64 `yaml:"ratio"`
	Password Secret  `yaml:"password"`
	Shards   uint8   `yaml:"shards"`
	Level    level   `yaml:"level"`
}

func (s *store) Validate() error {
	var p Problems
	p.Check(s.Ratio >= 0 && s.Ratio <= 1, "ratio", "must be 0..1 (got %v)", s.Ratio)
	p.Check(s.Shards != 13, "shards", "must not be 13")
	p.Check(s.Batch.Rows != 666, "batch.rows", "must not be 666")
	if s.Batch.Rows == 667 {
		return errors.Join(p.Err(), errors.New("store.batch.rows: must not be 667 either"), errors.New("no: this text has no key"))
	}
	return p.Err()
}

type batch struct {
	Rows int           `yaml:"rows"`
	Age  time.Duration `yaml:"age"`
}

func (b *batch) Validate() error {
	var p Problems
	p.Check(b.Rows >= 1 && b.Rows <= 100_000, "rows", "must be 1..100000 (got %d)", b.Rows)
	p.Check(b.Age > 0, "age", "must be above 0 (got %v)", b.Age)
	return p.Err()
}

type block struct {
	Size   int `yaml:"size"`
	Limits map[string]Size
	Tags   map[string]string `yaml:"tags"`
}

type level string

func (l level) Validate() error {
	if l != "low" && l != "high" {
		return errors.New("must be low or high")
	}
	return nil
}

func defaults() *tree {
	return &tree{
		Intake:  intake{Listen: ":1", Timeout: time.Second, Origins: []string{"a"}, Doors: []door{{Name: "demo", Key: "demo"}}},
		Store:   store{Batch: batch{Rows: 10, Age: time.Second}, Ratio: 0.5, Level: "low"},
		Workers: map[string]block{"demo": {Size: 1}},
	}
}

package apachekafka

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"leadstream/internal/embedded"
)

// The pin: what Maven is asked for, and the hash of every jar that may come of it.
var (
	//go:embed pom.xml
	pom []byte
	//go:embed jars.sha256
	sums string
)

// Version is the release of Apache Kafka, as pom.xml has it.
func Version() string {
	return string(regexp.MustCompile(`<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)<`).FindSubmatch(pom)[1])
}

const downloadMB = 43

// Fetch returns the folder with the jars, having Maven fetch them when the cache does not have them.
// Several processes may call it at once: one fetches, the others wait for it. progress hears of it in
// plain lines, and nothing when the jars are there.
func Fetch(ctx context.Context, cache string, progress io.Writer) (string, error) {
	dir := filepath.Join(cache, "kafka-"+Version())
	if checkJars(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("apachekafka: cache folder: %w (set %s to a folder that can be written)", err, embedded.CacheEnv)
	}
	unlock, err := embedded.LockCache(ctx, filepath.Join(cache, "kafka.lock"), "Kafka", progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	if checkJars(dir) == nil { // another process fetched them while this one waited
		return dir, nil
	}
	return dir, fetch(ctx, dir, progress)
}

// fetch lets Maven copy the jars to a staging folder and moves that to its place in one rename.
func fetch(ctx context.Context, dir string, progress io.Writer) error {
	staging := dir + ".staging" // one name: the lock is held, so what is left there is a crash's
	if err := errors.Join(os.RemoveAll(staging), os.RemoveAll(dir), os.MkdirAll(staging, 0o755)); err != nil {
		return fmt.Errorf("apachekafka: cache folder: %w", err)
	}
	defer os.RemoveAll(staging)
	if err := os.WriteFile(filepath.Join(staging, "pom.xml"), pom, 0o644); err != nil {
		return fmt.Errorf("apachekafka: cache folder: %w", err)
	}
	fmt.Fprintf(progress, "Kafka: fetching Apache Kafka %s with Maven (%d MB), once; it is then kept in %s\n", Version(), downloadMB, dir)
	if err := maven(ctx, staging, progress); err != nil {
		return err
	}
	jars := filepath.Join(staging, "jars")
	if err := checkJars(jars); err != nil {
		return fmt.Errorf("apachekafka: what Maven fetched is not what jars.sha256 pins: %w", err)
	}
	if err := os.Rename(jars, dir); err != nil {
		return fmt.Errorf("apachekafka: cache folder: %w", err)
	}
	fmt.Fprintf(progress, "Kafka: %d jars are in the cache\n", strings.Count(sums, "\n"))
	return nil
}

// maven runs `mvn dependency:copy-dependencies`, and tells every other second how many files came.
func maven(ctx context.Context, dir string, progress io.Writer) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("apachekafka: mvn is not on PATH: install it with `apt-get install maven`, or run deploy/need java mvn")
	}
	cmd := exec.CommandContext(ctx, mvn, "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=jars", "-DincludeScope=runtime")
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("apachekafka: mvn does not start: %w", err)
	}
	said := follow(out, progress)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("apachekafka: mvn could not fetch Apache Kafka %s (%w): %s", Version(), err, embedded.LastLines(said, 5))
	}
	return nil
}

// follow reads Maven's output to its end. It prints a line a file, far too many for a person.
func follow(out io.Reader, progress io.Writer) string {
	var said bytes.Buffer
	began, told, files := time.Now(), time.Now(), 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		if strings.Contains(line, "Downloaded from ") {
			files++
		} else if strings.Contains(line, "[ERROR]") {
			fmt.Fprintln(&said, line)
		}
		if time.Since(told) > 2*time.Second {
			told = time.Now()
			fmt.Fprintf(progress, "Kafka: %d files after %.0f s\n", files, time.Since(began).Seconds())
		}
	}
	return said.String()
}

// checkJars wants exactly the pinned jars in dir. Reading all of them takes a tenth of a second.
func checkJars(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	if err != nil {
		return err
	}
	var missing []string
	want := strings.Split(strings.TrimSpace(sums), "\n")
	for _, line := range want {
		sum, name, _ := strings.Cut(line, "  ")
		if got, err := fileSum(filepath.Join(dir, name)); err != nil || got != sum {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing or changed: %s", strings.Join(missing, ", "))
	}
	if len(found) != len(want) {
		return fmt.Errorf("%d jars, want %d", len(found), len(want))
	}
	return nil
}

func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

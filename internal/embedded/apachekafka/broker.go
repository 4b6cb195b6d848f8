package apachekafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"leadstream/internal/embedded"
)

// broker is one node: broker and controller in one process. It has a folder and ports for life, and
// one process after the other.
type broker struct {
	id      int
	dir     string
	jars    string
	clients int // ports
	quorum  int

	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone
}

func (b *broker) data() string  { return filepath.Join(b.dir, "data") }
func (b *broker) log() string   { return filepath.Join(b.dir, "server.log") }
func (b *broker) addr() string  { return fmt.Sprintf("127.0.0.1:%d", b.clients) }
func (b *broker) props() string { return filepath.Join(b.dir, "server.properties") }

// java is a command with the class path set. Only the quick compiler: a test is over before the
// slow one pays.
func (b *broker) java(ctx context.Context, args ...string) (*exec.Cmd, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, errors.New("apachekafka: java is not on PATH: install it with `apt-get install default-jre-headless`, or run deploy/need java mvn")
	}
	flags := []string{
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
		"-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn", // 300 lines of settings
		"-cp", filepath.Join(b.jars, "*"),
	}
	return exec.CommandContext(ctx, java, append(flags, args...)...), nil
}

// format makes the folder a member of the cluster.
func (b *broker) format(ctx context.Context, cluster, properties string) error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	if err := os.WriteFile(b.props(), []byte(properties), 0o644); err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	cmd, err := b.java(ctx, "kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", b.props())
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apachekafka: format broker %d: %w: %s", b.id, err, embedded.LastLines(string(out), 3))
	}
	return nil
}

// start starts the process and does not wait until it serves.
func (b *broker) start() error {
	// Not CommandContext: the broker lives until it is killed, not as long as the call that started it.
	cmd, err := b.java(context.Background(), "kafka.Kafka", b.props())
	if err != nil {
		return err
	}
	log, err := os.OpenFile(b.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	defer log.Close() // the process has its own copy
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = embedded.ChildAttr()
	b.cmd, b.done = cmd, make(chan struct{})
	started := make(chan error)
	go b.run(started)
	if err := <-started; err != nil {
		return fmt.Errorf("apachekafka: start broker %d: %w", b.id, err)
	}
	return nil
}

// run starts the process and waits for it on one thread: the kernel kills it when the thread that
// forked it ends, and a thread of its own ends with the program.
func (b *broker) run(started chan<- error) {
	defer close(b.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := b.cmd.Start()
	started <- err
	if err == nil {
		_ = b.cmd.Wait() // how it ended stands in its log
	}
}

func (b *broker) running() bool {
	if b.done == nil {
		return false
	}
	select {
	case <-b.done:
		return false
	default:
		return true
	}
}

// kill is kill -9.
func (b *broker) kill() {
	if b.running() {
		_ = b.cmd.Process.Kill()
		<-b.done
	}
}

// lastWords is the end of what it logged.
func (b *broker) lastWords() string {
	body, err := os.ReadFile(b.log())
	if err != nil || strings.TrimSpace(string(body)) == "" {
		return "it said nothing"
	}
	return embedded.LastLines(string(body), 3)
}

package embedded

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// process is one child and how it ended.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	log   string        // the file with what it printed
	done  chan struct{} // closed when it is gone
	err   error         // why it is gone; read after done
}

// startProcess starts a child that dies with this process. held stays open in the child, so that
// the data folder's lock is free only when the child is gone as well.
func startProcess(name string, args []string, logPath string, held *os.File) (*process, error) {
	_ = os.Rename(logPath, logPath+".1") // what the last child said is kept one start long
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("embedded: log of the ClickHouse process: %w", err)
	}
	defer logFile.Close() // the child has its own copy
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	// UTC by environment too: libchdb takes the zone from there before it reads its config.
	cmd.Env = append(os.Environ(), "TZ=UTC")
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = ChildAttr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("embedded: pipe to the ClickHouse process: %w", err)
	}
	child := &process{cmd: cmd, stdin: stdin, log: logPath, done: make(chan struct{})}
	started := make(chan error)
	go child.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("embedded: start %s: %w", name, err)
	}
	return child, nil
}

// run starts the child and waits for it on one thread: the kernel sends the parent death signal
// when the *thread* that forked ends, and an unlocked one may end at any time.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	if err := p.cmd.Wait(); err != nil {
		p.err = fmt.Errorf("the ClickHouse process ended (%w): %s; its logs are %s and server.err.log beside it", err, p.lastWords(), p.log)
	}
	close(p.done)
}

// lastWords is the end of what the child printed: the reason, when it gave one.
func (p *process) lastWords() string {
	body, err := os.ReadFile(p.log)
	if err != nil || len(strings.TrimSpace(string(body))) == 0 {
		return "it said nothing"
	}
	const enough = 600
	text := LastLines(string(body), 3)
	if len(text) > enough {
		text = text[:enough] + "..."
	}
	return text
}

// kill ends the child now.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

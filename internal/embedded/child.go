package embedded

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/ebitengine/purego"
)

// childWord is the hidden first argument that makes this executable the ClickHouse server.
const childWord = "__clickhouse"

// MaybeChild takes the process over, and never returns, when it was started to be the ClickHouse
// server; otherwise it does nothing. main and TestMain call it before anything else: flags,
// loggers and metrics of the parent do not belong to the child.
func MaybeChild() {
	if len(os.Args) < 3 || os.Args[1] != childWord {
		return
	}
	if err := runLibrary(os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// exit_group at once: the library's atexit handlers race with its own threads.
	os.Exit(0)
}

// runLibrary loads libchdb.so and is clickhouse-local with these arguments until its queries end.
func runLibrary(path string, args []string) error {
	// Ctrl-C reaches the whole terminal group; when this server stops is its parent's decision.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go dieWithParent()
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("load %s: %w; delete that file to have it fetched again", path, err)
	}
	var cmdline func(argc int32, argv **byte) uintptr
	var failure func(result uintptr) string
	purego.RegisterLibFunc(&cmdline, handle, "chdb_query_cmdline")
	purego.RegisterLibFunc(&failure, handle, "chdb_result_error")
	// Its own crash handler takes 4 s to die, in which nothing answers; the restart needs 0.2 s.
	var setHandlers func(enabled bool)
	purego.RegisterLibFunc(&setHandlers, handle, "chdb_set_signal_handlers_enabled")
	setHandlers(false)

	argv := cStrings(append([]string{"clickhouse"}, args...))
	result := cmdline(int32(len(argv)-1), &argv[0])
	runtime.KeepAlive(argv)
	if result == 0 {
		return fmt.Errorf("libchdb returned nothing")
	}
	if text := failure(result); text != "" {
		return fmt.Errorf("clickhouse: %s", text)
	}
	return nil
}

// dieWithParent ends the child when the pipe to the parent closes. On Linux the kernel's parent
// death signal is quicker; this is what remains elsewhere, and when the parent is gone before the
// signal was asked for.
func dieWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// cStrings is a C argv: zero-terminated strings, and a nil at the end.
func cStrings(args []string) []*byte {
	argv := make([]*byte, 0, len(args)+1)
	for _, arg := range args {
		bytes := append([]byte(arg), 0)
		argv = append(argv, &bytes[0])
	}
	return append(argv, nil)
}

package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"go.uber.org/zap"
)

// greet waits until every role is ready, prints the addresses, plays the demo
// if asked, and stays until the process ends.
func (w *allWord) greet(ctx context.Context, b *base, started time.Time) error {
	if err := b.awaitReady(ctx, 30*time.Second); err != nil {
		return err
	}
	b.say(
		"",
		fmt.Sprintf("leadstream %s is up after %.1f s. Click through the demo site and watch your own lead heat up:", version, time.Since(started).Seconds()),
		"",
		"  demo site      "+b.demoURL(),
		"  hot leads      http://"+browsable(b.cfg.Leads.Listen)+"/",
		"  collectors     http://"+browsable(b.cfg.Ingest.Listen)+"/   (site demo, write key demo)",
		"  metrics        http://"+browsable(b.metrics.Addr().String())+"/metrics   (also /healthz, /readyz)",
		"  Kafka          "+b.cfg.Kafka.Brokers[0],
		"  ClickHouse     "+b.cfg.ClickHouse.Addr+" native"+b.httpToo(),
		"  data           "+b.cfg.DataDir,
		"",
	)
	if b.embeddedBroker {
		b.say("The broker is the embedded one: good for one machine, never synced to disk; docs/embedded.md says what differs.")
	}
	if len(b.cfg.Leads.Tokens) == 0 {
		b.say("The leads API asks for no token, because none is set and it listens on loopback only.")
	}
	b.say("Ctrl-C stops it.", "")
	if w.Demo {
		if err := b.demo(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("the demo did not play; everything else is served on", zap.Error(err))
		}
	}
	<-ctx.Done()
	return nil
}

func (b *base) httpToo() string {
	if b.clickhouseHTTP == "" {
		return ""
	}
	return ", http://" + b.clickhouseHTTP + "/ HTTP"
}

// awaitReady polls the checks that /readyz shows, and says now and then which of them have not passed. It ends with ctx and not
// before: a large state takes minutes to restore, and a process that gave up on it would begin again from the start.
func (b *base) awaitReady(ctx context.Context, remind time.Duration) error {
	told := time.Now()
	for {
		results, ready := b.health.Check(ctx)
		if ready {
			return nil
		}
		if time.Since(told) >= remind {
			told = time.Now()
			for _, r := range results {
				if !r.OK {
					b.log.Warn("not ready yet; still waiting", zap.String("part", r.Name), zap.String("why", r.Error))
				}
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// browsable is an address as a person types it.
func browsable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

package broker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// nats-server starts without the streams and consumers whose files it cannot read, and says so only in its
// log. Siaga would then subscribe, gateways would get their PUBACKs, and nothing would ever arrive. So what
// lies on disk is compared with what came up.

// stateFile holds how far a consumer has read. With an empty one it reads from the start: twice, but nothing is
// lost. Without one it reads only what is new.
const stateFile = "o.dat"

// lost is what did not come up.
type lost struct {
	streams   []string // folders
	consumers []string // folders
}

func (l lost) any() bool { return len(l.streams)+len(l.consumers) > 0 }

// openStore starts nats-server, repairs its store if need be, and as a last resort sets the store aside and
// starts with an empty one: the queue is not the truth, the journal is, and a deaf site is worse.
func (b *Broker) openStore() error {
	for attempt := 0; ; attempt++ {
		srv, log, err := b.startStore()
		if err != nil {
			return err
		}
		missing, err := b.missing()
		if err == nil && !missing.any() {
			return nil
		}
		b.stopStore(srv)
		if err != nil {
			return fmt.Errorf("broker: looking at the store in %s: %w", b.opts.Dir, err)
		}
		what := fmt.Sprintf("%d streams and %d consumers could not be read: %s", len(missing.streams), len(missing.consumers), log.lastWarning())
		switch {
		case attempt == 0 && len(missing.streams) == 0:
			err = forgetState(missing.consumers)
			what += "; their messages are delivered again from the start"
		case attempt < 2:
			err = b.setAside()
			what += "; the queue was set aside in " + b.aside() + " and begins empty"
		default:
			err = errors.New("an empty store cannot be read back")
		}
		if err != nil {
			return fmt.Errorf("broker: repairing the store in %s: %w", b.opts.Dir, err)
		}
		b.opts.Log.Error("broker: the store was damaged", "what", what)
		b.tally.add(Report{Kind: StoreTrouble, Detail: what, At: time.Now()})
	}
}

func (b *Broker) stopStore(srv *server.Server) {
	b.inside.Close()
	srv.Shutdown()
	srv.WaitForShutdown()
}

// missing compares the folders on disk with what nats-server knows.
func (b *Broker) missing() (lost, error) {
	var l lost
	root := filepath.Join(b.opts.Dir, "jetstream", server.DEFAULT_GLOBAL_ACCOUNT, "streams")
	known := map[string]bool{}
	for name := range b.streams.StreamNames() {
		known[name] = true
	}
	streams, err := folders(root)
	if err != nil {
		return l, err
	}
	for _, stream := range streams {
		dir := filepath.Join(root, stream)
		if !known[stream] {
			l.streams = append(l.streams, dir)
			continue
		}
		up := map[string]bool{}
		for name := range b.streams.ConsumerNames(stream) {
			up[name] = true
		}
		consumers, err := folders(filepath.Join(dir, "obs"))
		if err != nil {
			return l, err
		}
		for _, c := range consumers {
			if !up[c] {
				l.consumers = append(l.consumers, filepath.Join(dir, "obs", c))
			}
		}
	}
	return l, nil
}

func folders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func forgetState(consumers []string) error {
	for _, dir := range consumers {
		if err := os.Truncate(filepath.Join(dir, stateFile), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// aside is where a damaged store is kept for whoever wants to look at it. Only the last one is.
func (b *Broker) aside() string { return filepath.Clean(b.opts.Dir) + ".damaged" }

func (b *Broker) setAside() error {
	if err := os.RemoveAll(b.aside()); err != nil {
		return err
	}
	return os.Rename(b.opts.Dir, b.aside())
}

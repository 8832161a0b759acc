package bench

import (
	"database/sql"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	_ "github.com/mattn/go-sqlite3"
)

// nodeRED is the peer path: Debian's mosquitto, Node-RED, SQLite with a durable commit a message, websocket after it.
type nodeRED struct {
	mqtt, push string
	db         string
	procs      []*exec.Cmd
}

// startNodeRED starts the peer, or ends the benchmark with a plain line when it is not installed.
func startNodeRED(b *testing.B) *nodeRED {
	b.Helper()
	home, err := filepath.Abs(filepath.Join("..", "..", ".tools", "nodered"))
	must(b, err)
	red := filepath.Join(home, "node_modules", "node-red", "red.js")
	if _, err := os.Stat(red); err != nil {
		b.Skip("Node-RED is not installed below .tools (no npm, or no registry); its rows stay empty")
	}
	if _, err := exec.LookPath("mosquitto"); err != nil {
		b.Skip("mosquitto is not installed; its rows stay empty")
	}
	dir := b.TempDir()
	broker, ui := freeAddress(b), freeAddress(b)
	n := &nodeRED{mqtt: "tcp://" + broker, push: "ws://" + ui + "/push", db: filepath.Join(dir, "rows.db")}
	host, port, err := net.SplitHostPort(broker)
	must(b, err)
	conf := filepath.Join(dir, "mosquitto.conf")
	must(b, os.WriteFile(conf, []byte("listener "+port+" "+host+"\nallow_anonymous true\n"), 0o600))
	n.run(b, dir, "mosquitto", "-c", conf)
	must(b, writeFlow(dir, broker, ui))
	must(b, os.Symlink(filepath.Join(home, "node_modules"), filepath.Join(dir, "node_modules")))
	must(b, copyFile(filepath.Join(home, "package.json"), filepath.Join(dir, "package.json")))
	must(b, makeRows(n.db))
	n.run(b, dir, "node", red, "-u", dir, "-s", filepath.Join(dir, "settings.js"))
	poll(b, "websocket of Node-RED", 90*time.Second, func() bool {
		ws, _, err := websocket.DefaultDialer.Dial(n.push, nil)
		if err == nil {
			_ = ws.Close() // it was only knocked at
		}
		return err == nil
	})
	<-time.After(2 * time.Second) // its MQTT client connects after the door is open
	return n
}

func (n *nodeRED) run(b *testing.B, dir string, name string, args ...string) {
	b.Helper()
	log, err := os.Create(filepath.Join(dir, filepath.Base(name)+".log"))
	must(b, err)
	defer log.Close()
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr, c.Dir = log, log, dir
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(b, c.Start())
	n.procs = append(n.procs, c)
	b.Cleanup(func() {
		_ = c.Process.Kill() // it may be gone already
		_ = c.Wait()
	})
}

func (n *nodeRED) pids() []int {
	var out []int
	for _, c := range n.procs {
		out = append(out, c.Process.Pid)
	}
	return out
}

func (n *nodeRED) dial(b *testing.B) *websocket.Conn {
	b.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(n.push, nil)
	must(b, err)
	return ws
}

// rows is how many messages it stored.
func (n *nodeRED) rows(b *testing.B) float64 {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+n.db+"?mode=ro&_busy_timeout=5000")
	must(b, err)
	defer db.Close()
	var rows float64
	must(b, db.QueryRow("SELECT count(*) FROM row").Scan(&rows))
	return rows
}

// makeRows prepares the table as a careful user would: a write-ahead log, and Node-RED's driver syncs every commit.
func makeRows(file string) error {
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range []string{
		"PRAGMA journal_mode = WAL", "CREATE TABLE row (id INTEGER PRIMARY KEY, at INTEGER, topic TEXT, body TEXT)", "CREATE INDEX row_at ON row (at)",
	} {
		if _, err := db.Exec(s); err != nil {
			return err
		}
	}
	return nil
}

// writeFlow writes settings and the flow: hear, store, and show what was stored.
func writeFlow(dir, broker, ui string) error {
	host, port, err := net.SplitHostPort(broker)
	if err != nil {
		return err
	}
	uiHost, uiPort, err := net.SplitHostPort(ui)
	if err != nil {
		return err
	}
	type node map[string]any
	flow, err := json.Marshal([]node{
		{"id": "flow", "type": "tab", "label": "bench"},
		{"id": "broker", "type": "mqtt-broker", "broker": host, "port": port, "clientid": "peer", "autoConnect": true, "usetls": false, "protocolVersion": "4", "keepalive": "60", "cleansession": true},
		{"id": "door", "type": "websocket-listener", "path": "/push", "wholemsg": "false"},
		{"id": "file", "type": "sqlitedb", "db": filepath.Join(dir, "rows.db"), "mode": "RWC"},
		{"id": "hear", "type": "mqtt in", "z": "flow", "topic": "bench/#", "qos": "1", "datatype": "utf8", "broker": "broker", "inputs": 0, "wires": [][]string{{"row"}}},
		{"id": "row", "type": "function", "z": "flow", "outputs": 1, "wires": [][]string{{"store"}}, "func": "msg.said = msg.payload; msg.params = {$at: Date.now(), $topic: msg.topic, $body: msg.payload}; return msg;"},
		{"id": "store", "type": "sqlite", "z": "flow", "mydb": "file", "sqlquery": "prepared", "sql": "INSERT INTO row (at, topic, body) VALUES ($at, $topic, $body)", "wires": [][]string{{"said"}}},
		{"id": "said", "type": "function", "z": "flow", "outputs": 1, "wires": [][]string{{"show"}}, "func": "return {payload: msg.said};"},
		{"id": "show", "type": "websocket out", "z": "flow", "server": "door", "client": "", "wires": []string{}},
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "flows.json"), flow, 0o600); err != nil {
		return err
	}
	settings := "module.exports = {uiHost: " + strconv.Quote(uiHost) + ", uiPort: " + uiPort + ", flowFile: 'flows.json', credentialSecret: false, " +
		"httpAdminRoot: false, telemetry: {enabled: false, updateNotification: false}, logging: {console: {level: 'warn', metrics: false, audit: false}}};\n"
	return os.WriteFile(filepath.Join(dir, "settings.js"), []byte(settings), 0o600)
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}

func TestNumberIn_KnowsOurEventsAndThePeersMessages(t *testing.T) {
	for data, want := range map[string]int{
		`{"seq":1,"kind":"radio.csbk","body":{"src_info":"HT 7"}}`:      7,
		`{"seq":1,"kind":"radio.emergency","body":{"src_info":"HT 8"}}`: 8,
		`{"seq":1,"kind":"door.opened","body":{"src_info":"HT 9"}}`:     -1,
		radioMessage(3, time.Now()):                                     3,
		`{"DMR":{"src_info":"POS 3"}}`:                                  -1,
		`{"seq":`:                                                       -1,
	} {
		if got := numberIn([]byte(data)); got != want {
			t.Errorf("%s: %d, want %d", data, got, want)
		}
	}
}

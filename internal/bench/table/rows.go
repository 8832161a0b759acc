package main

import "fmt"

// rows is the table: every number of the design that is to be reached, and what stands beside it.
func rows() []row {
	var all []row
	all = append(all, panicRows()...)
	all = append(all, journalRows()...)
	all = append(all, recordRows()...)
	all = append(all, faultRows()...)
	all = append(all, screenRows()...)
	return append(all, sealRows()...)
}

// onFastDisk is the target where fdatasync p99 of the run is at most 2 ms; elsewhere it is 6 times that and 10 ms.
func onFastDisk(bench string, bound float64) func(run) (target, string) {
	return func(r run) (target, string) {
		sync, ok := place{bench, "fdatasync-p99-ms"}.in(r)
		if !ok || sync <= 2 {
			return atMost(bound), ""
		}
		return atMost(max(bound, 6*sync+10)), fmt.Sprintf("fdatasync p99 %s ms in this run", short(sync))
	}
}

func panicRows() []row {
	var out []row
	for _, l := range []struct {
		name, what string
		bound      float64
	}{
		{"200", "at 200 msg/s", 10},
		{"2000", "at 2,000 msg/s", 50},
		{"200-flood-qos0", "at 200 msg/s beside a flood of 10,000 msg/s, QoS 0", 100},
		{"200-flood-qos1", "at 200 msg/s beside a flood of 10,000 msg/s, QoS 1", 100},
	} {
		ours, theirs := "PanicPath/siaga/"+l.name, "PanicPath/nodered/"+l.name
		const peerName = "mosquitto + Node-RED + SQLite"
		out = append(out,
			row{
				group: "panic", what: "radio in → durable → websocket, p99, " + l.what, figure: place{ours, "p99-ms"}, unit: "ms",
				peers: []peer{{peerName, place{theirs, "p99-ms"}}}, when: onFastDisk(ours, l.bound),
			},
			row{group: "panic", what: "the panic keys among them, p99", figure: place{ours, "panic-p99-ms"}, unit: "ms", peers: []peer{{peerName, place{theirs, "panic-p99-ms"}}}, when: onFastDisk(ours, l.bound)},
			row{group: "panic", what: "p50", figure: place{ours, "p50-ms"}, unit: "ms", peers: []peer{{peerName, place{theirs, "p50-ms"}}}},
			row{group: "panic", what: "messages lost", figure: place{ours, "lost"}, peers: []peer{{peerName, place{theirs, "lost"}}}, target: atMost(0)},
		)
	}
	return out
}

func journalRows() []row {
	sustained := place{"Append_Sustained", "events/s"}
	return []row{
		{group: "journal", what: "durable events, sustained, at journal.Append", figure: sustained, unit: "/s", peers: []peer{{"SQLite alone, same row and indexes, 100 a commit", place{"Append_SQLiteAlone/100", "rows/s"}}, {"SQLite alone, 1,000 a commit", place{"Append_SQLiteAlone/1000", "rows/s"}}}, target: atLeast(20_000)},
		{group: "journal", what: "durable events through MQTT, QoS 1, four gateways", figure: place{"ThroughMQTT", "events/s"}, unit: "/s", peers: []peer{{"journal.Append", sustained}}},
		{group: "journal", what: "one event alone, p50 above one fdatasync", figure: place{"Append_Alone", "above-fdatasync-ms"}, unit: "ms", target: atMost(1)},
		{group: "journal", what: "one event alone, p50", figure: place{"Append_Alone", "p50-ms"}, unit: "ms", peers: []peer{{"one fdatasync", place{"Append_Alone", "fdatasync-p50-ms"}}}},
		{group: "history", what: "slowest filter over 5 million events, p95", figure: place{"History/worst", "filter-p95-ms"}, unit: "ms", target: atMost(100)},
		{group: "history", what: "list and summary of the first page over 5 million events, p95", figure: place{"History/first_page", "p95-ms"}, unit: "ms", target: atMost(500)},
	}
}

func recordRows() []row {
	var out []row
	for _, n := range []int{10, 50, 100} {
		at := func(who, unit string) place { return place{fmt.Sprintf("Recording/%d/%s", n, who), unit} }
		beside := func(unit string) []peer {
			return []peer{{"ffmpeg -c copy", at("ffmpeg", unit)}, {"MediaMTX fmp4", at("mediamtx", unit)}, {"bare Go RTSP reader", at("floor", unit)}}
		}
		cpu := row{group: "record", what: fmt.Sprintf("recording, %d cameras, CPU-s per camera-minute", n), figure: at("siaga", "cpu-s/camera-min"), peers: beside("cpu-s/camera-min")}
		rss := row{group: "record", what: fmt.Sprintf("recording, %d cameras, RSS per camera", n), figure: at("siaga", "MiB-RSS/camera"), unit: "MiB", peers: beside("MiB-RSS/camera")}
		if n >= 50 {
			cpu.target, rss.target = atMost(0.10), atMost(2)
		}
		out = append(out, cpu, rss,
			row{group: "record", what: fmt.Sprintf("recording, %d cameras, PSS per camera", n), figure: at("siaga", "MiB-PSS/camera"), unit: "MiB", peers: beside("MiB-PSS/camera")},
			row{group: "record", what: fmt.Sprintf("cameras of %d that were recorded", n), figure: at("siaga", "cameras-recorded"), peers: beside("cameras-recorded")[:2], target: atLeast(float64(n))})
	}
	return out
}

func faultRows() []row {
	var out []row
	for _, how := range []struct {
		name, what string
		bound      float64
	}{{"reset", "sockets reset", 2.05}, {"silent", "silent cut", 4.05}} { // a frame's time above whole groups of pictures
		at := func(who, unit string) place { return place{"Outage/" + how.name + "/" + who, unit} }
		out = append(out,
			row{group: "outage", what: "camera back → recording, footage lost at most, " + how.what, figure: at("siaga", "lost-max-s"), unit: "s", peers: []peer{{"ffmpeg restarted", at("ffmpeg", "lost-max-s")}, {"MediaMTX", at("mediamtx", "lost-max-s")}}, target: atMost(how.bound)},
			row{group: "outage", what: "camera dead → alert on the websocket at most, " + how.what, figure: at("siaga", "alert-max-s"), unit: "s", target: atMost(10)})
	}
	at := func(who, unit string) place { return place{"Kill9/" + who, unit} }
	beside := func(unit string) []peer {
		return []peer{{"ffmpeg, 10 s files", at("ffmpeg", unit)}, {"MediaMTX fmp4", at("mediamtx", unit)}}
	}
	return append(out,
		row{group: "kill", what: "video lost to kill -9 at most", figure: at("siaga", "lost-max-s"), unit: "s", peers: beside("lost-max-s"), target: atMost(1)},
		row{group: "kill", what: "video lost to kill -9, middle of 8 cameras", figure: at("siaga", "lost-med-s"), unit: "s", peers: beside("lost-med-s")},
		row{group: "kill", what: "files that no longer open", figure: at("siaga", "unreadable-files"), peers: beside("unreadable-files"), target: atMost(0)},
		row{group: "start", what: "start with 500,000 segments until the first camera records", figure: place{"Sweep_500000", "s-to-recording"}, unit: "s", target: atMost(5)},
		row{group: "start", what: "and until every file left open by a crash is finished", figure: place{"Sweep_500000", "s-to-all-recovered"}, unit: "s"})
}

func screenRows() []row {
	fan := func(who, unit string) place { return place{"Fan/" + who, unit} }
	out := []row{
		{group: "fan", what: "MQTT → last of 500 websockets, p50", figure: fan("siaga", "p50-ms"), unit: "ms", peers: []peer{{"bare gorilla server", fan("bare", "p50-ms")}}},
		{group: "fan", what: "MQTT → last of 500 websockets, p99", figure: fan("siaga", "p99-ms"), unit: "ms", peers: []peer{{"bare gorilla server", fan("bare", "p99-ms")}}},
		{group: "fan", what: "processor time a delivery", figure: fan("siaga", "µs-CPU/delivery"), unit: "µs", peers: []peer{{"bare gorilla server", fan("bare", "µs-CPU/delivery")}}},
		{group: "fan", what: "memory a websocket client", figure: fan("siaga", "KiB/client"), unit: "KiB", peers: []peer{{"bare gorilla server", fan("bare", "KiB/client")}}},
		{group: "fan", what: "journal → last of 500 websockets in one process, p99", figure: place{"Live/siaga-500", "p99-ms"}, unit: "ms", peers: []peer{{"raw loop, no journal", place{"Live/raw-500", "p99-ms"}}}},
		{group: "fan", what: "memory a sensor behind a gateway, of 1,000", figure: place{"Sensors", "KiB/device"}, unit: "KiB"},
		{group: "live", what: "first picture of a viewer, p50", figure: place{"FirstPicture", "first-p50-ms"}, unit: "ms", target: atMost(300)},
		{group: "live", what: "first picture of a viewer, p95", figure: place{"FirstPicture", "first-p95-ms"}, unit: "ms", target: atMost(300)},
		{group: "live", what: "camera → viewer's whole picture, 16 viewers, p50", figure: place{"RelayDelay", "delay-p50-ms"}, unit: "ms", target: atMost(100)},
		{group: "live", what: "camera → viewer's whole picture, 16 viewers, p99", figure: place{"RelayDelay", "delay-p99-ms"}, unit: "ms"},
	}
	for _, tiles := range []int{1, 4, 16} {
		bench := fmt.Sprintf("Browser/tiles=%d", tiles)
		out = append(out,
			row{group: "live", what: fmt.Sprintf("in the browser, %d tiles: clock in the picture → screen, p50", tiles), figure: place{bench, "delay-p50-ms"}, unit: "ms", target: atMost(100)},
			row{group: "live", what: fmt.Sprintf("in the browser, %d tiles: first picture", tiles), figure: place{bench, "first-ms"}, unit: "ms", target: atMost(300)})
	}
	return out
}

func sealRows() []row {
	return []row{
		{group: "micro", what: "seal: leaf and tree of an event, CPU", figure: place{"Seal_Event", "µs-CPU/event"}, unit: "µs", target: atMost(40)},
		{group: "micro", what: "seal: bytes kept for it, share of media bytes, in percent", figure: place{"Seal_Segment", "%media"}, unit: "%", target: atMost(0.1)},
		{group: "micro", what: "verify: hash of video files", figure: place{"Verify", "MB/s"}, unit: "MB/s", target: atLeast(500)},
		{group: "micro", what: "rules: judging one sample", figure: place{"Judge_AllShippedRules/sample", "ns/op"}, unit: "ns"},
		{group: "micro", what: "rules: judging one panic", figure: place{"Judge_AllShippedRules/panic", "ns/op"}, unit: "ns"},
		{group: "micro", what: "access unit → part of a file", figure: place{"Part", "ns/op"}, unit: "ns"},
		{group: "micro", what: "RTP → access unit", figure: place{"Depacketise", "ns/op"}, unit: "ns"},
		{group: "micro", what: "MP4 read back", figure: place{"ReadBack", "MB/s"}, unit: "MB/s"},
		{group: "micro", what: "hub → last of 500 viewers, p99", figure: place{"Broadcast/hub-500", "p99-µs"}, unit: "µs", peers: []peer{{"raw loop over 500 channels", place{"Broadcast/raw-500", "p99-µs"}}}},
	}
}

package web

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"siaga/internal/auth"
	"siaga/internal/journal"
)

// healthz says that the program answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { text(w, "ok\n") }

// readyTime bounds the question whether everything is ready.
const readyTime = 3 * time.Second

// readyz says whether everything is there that people need.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.opt.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		if err := s.opt.Ready(ctx); err != nil {
			problem(http.StatusServiceUnavailable, "not_ready", "%v", err).write(w)
			return
		}
	}
	text(w, "ready\n")
}

// metricsPage is for a collector on this machine, or for who may see how the program is doing.
func (s *Server) metricsPage(w http.ResponseWriter, r *http.Request) {
	if !local(r) && !callerOf(r.Context()).can(auth.RightSettings) {
		problem(http.StatusForbidden, "forbidden", "metrics are for this machine itself, or for a bearer token with the right %s", auth.RightSettings).write(w)
		return
	}
	promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

func (s *Server) newMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), roomCounts{s})
	return r
}

// roomCounts reads at each scrape what the rooms count anyway.
type roomCounts struct{ s *Server }

// Describe says nothing, so that rooms may count what this build does not know of.
func (roomCounts) Describe(chan<- *prometheus.Desc) {}

// Collect reads all counts.
func (c roomCounts) Collect(out chan<- prometheus.Metric) {
	emit := func(n Count) {
		kind := prometheus.GaugeValue
		if n.Rising {
			kind = prometheus.CounterValue
		}
		var names, values []string
		if n.Label != "" {
			names, values = []string{n.Label}, []string{n.Of}
		}
		m, err := prometheus.NewConstMetric(prometheus.NewDesc(n.Name, n.Help, names, nil), kind, n.Value, values...)
		if err != nil {
			m = prometheus.NewInvalidMetric(prometheus.NewDesc(n.Name, n.Help, names, nil), err)
		}
		out <- m
	}
	rising := func(name, help string, v uint64) {
		emit(Count{Name: name, Help: help, Value: float64(v), Rising: true})
	}
	gauge := func(name, help string, v float64) { emit(Count{Name: name, Help: help, Value: v}) }

	c.journal(out, rising)
	gauge("siaga_journal_head", "Sequence of the last durable event.", float64(c.s.opt.Journal.Head()))
	h := c.s.opt.Hub.Stats()
	gauge("siaga_hub_clients", "Viewers of the live channel.", float64(h.Clients))
	gauge("siaga_hub_head", "Last event handed to viewers.", float64(h.Head))
	gauge("siaga_hub_ring_events", "Events kept ready for viewers.", float64(h.Ring))
	rising("siaga_hub_cuts_total", "Viewers cut because they were slow.", h.Cuts)
	rising("siaga_hub_messages_total", "Messages handed to viewers.", h.Sent)
	rising("siaga_web_requests_total", "Requests.", c.s.counts.requests.Load())
	rising("siaga_web_panics_total", "Request handlers that panicked.", c.s.counts.panics.Load())
	for i, why := range closedWhy() {
		emit(Count{
			Name: "siaga_web_sockets_closed_total", Help: "Websockets that ended, by why.", Label: "why", Of: why,
			Value: float64(c.s.sockets.closed[i].Load()), Rising: true,
		})
	}
	if c.s.opt.Counts != nil {
		for _, n := range c.s.opt.Counts() {
			emit(n)
		}
	}
}

func (c roomCounts) journal(out chan<- prometheus.Metric, rising func(name, help string, v uint64)) {
	m := &c.s.opt.Journal.Metrics
	rising("siaga_journal_commits_total", "Transactions made durable.", m.Commits.Load())
	rising("siaga_journal_jobs_total", "Submissions made durable.", m.Jobs.Load())
	rising("siaga_journal_failures_total", "Transactions that failed.", m.Failures.Load())
	buckets := map[float64]uint64{}
	var n uint64
	for i, bound := range journal.ReceiptBuckets {
		n += m.Receipts[i].Load()
		buckets[bound.Seconds()] = n
	}
	n += m.Receipts[len(journal.ReceiptBuckets)].Load()
	out <- prometheus.MustNewConstHistogram(
		prometheus.NewDesc("siaga_journal_receipt_seconds", "Time from submission until durable.", nil, nil),
		n, time.Duration(m.ReceiptTime.Load()).Seconds(), buckets,
	)
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"github.com/spf13/cobra"

	"siaga/internal/app"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Prove that nothing was changed, removed or inserted",
		Long: `check reads the whole journal and proves: a sequence without holes, every leaf, the whole Merkle tree, every
signed checkpoint, every row that lives from events, and every video file against its row. It reads only, and may
run beside the program. It names the first bad record and exits with 1 if there is any.

A checkpoint kept elsewhere (printed, mailed, cosigned) shows what the database alone cannot: a log that was
rewritten as a whole, or put back to an older copy. Give it with --against.`,
		Args: cobra.NoArgs,
	}
	load := configFlag(c)
	against := c.Flags().StringArray("against", nil, "file with a signed checkpoint kept elsewhere (may be given more than once)")
	hashes := c.Flags().Bool("hashes", false, "read every video file and compare its SHA-256 (slow: reads all video)")
	quiet := c.Flags().Bool("quiet", false, "print only what is wrong")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		o := app.CheckOptions{Hashes: *hashes}
		wipe := func() {}
		if !*quiet {
			o.Progress, wipe = progress("checking event")
		}
		for _, f := range *against {
			note, err := os.ReadFile(f)
			if err != nil {
				return fmt.Errorf("--against: %w", err)
			}
			o.Against = append(o.Against, note)
		}
		rep, err := app.Check(cmd.Context(), cfg, o)
		wipe()
		if err != nil {
			return err
		}
		return printReport(cmd.OutOrStdout(), rep, *quiet)
	}
	return c
}

func printReport(out io.Writer, rep app.CheckReport, quiet bool) error {
	for _, f := range rep.Findings {
		fmt.Fprintf(out, "BAD  %s\n", f)
	}
	if n := len(rep.Findings); n > 0 {
		return fmt.Errorf("check: not intact: %d findings; the first stands on top", n)
	}
	if quiet {
		return nil
	}
	fmt.Fprintf(out, "OK   %d events, every leaf and node of the tree\n", rep.Events)
	fmt.Fprintf(out, "OK   %d signed checkpoints, root %s\n", rep.Checkpoints, rep.Root)
	tables := make([]string, 0, len(rep.Rows))
	for t := range rep.Rows {
		tables = append(tables, t)
	}
	sort.Strings(tables)
	for _, t := range tables {
		fmt.Fprintf(out, "OK   %d rows of %s explained by events\n", rep.Rows[t], t)
	}
	fmt.Fprintf(out, "OK   %d pictures of floor plans\n", rep.Plans)
	fmt.Fprintf(out, "OK   %d video files\n", rep.Files)
	return nil
}

// progress is a line on the terminal that counts, and what wipes it away again. Where nobody watches it is nil.
func progress(what string) (count func(done, total uint64), wipe func()) {
	if !isTerminal(os.Stderr) {
		return nil, func() {}
	}
	count = func(done, total uint64) { fmt.Fprintf(os.Stderr, "\r%s %d of %d", what, done, total) }
	return count, func() { fmt.Fprint(os.Stderr, "\r\033[K") }
}

// isTerminal reports whether a person watches the output.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

var errRunning = errors.New("the program is running on this data directory; do this in the dashboard, or stop the program first")

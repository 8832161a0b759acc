package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"siaga/internal/app"
)

func rulesCommand() *cobra.Command {
	c := &cobra.Command{Use: "rules", Short: "Check rules and try them on history"}
	c.AddCommand(rulesTest())
	return c
}

func rulesTest() *cobra.Command {
	c := &cobra.Command{
		Use:   "test --config FILE [--from TIME] [--to TIME] [RULE FILE]",
		Short: "Replay history through rules and print what they would have raised",
		Long: `test reads the journal and raises nothing. Without a RULE FILE it takes the folder that the config names.
Times are RFC 3339 (2026-11-22T01:00:00+08:00) or a span before now (24h).`,
		Args: cobra.MaximumNArgs(1),
	}
	load := configFlag(c)
	from := c.Flags().String("from", "24h", "begin of the replay")
	to := c.Flags().String("to", "", "end of the replay; empty means now")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		o := app.ReplayOptions{Out: cmd.OutOrStdout()}
		if len(args) == 1 {
			o.File = args[0]
		}
		now := time.Now()
		if o.From, err = moment(*from, now); err != nil {
			return fmt.Errorf("%w: --from: %w", errUsage, err)
		}
		if o.To, err = moment(*to, now); err != nil {
			return fmt.Errorf("%w: --to: %w", errUsage, err)
		}
		return app.Replay(cmd.Context(), cfg, o)
	}
	return c
}

// moment reads a time, or a span before now.
func moment(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return now, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%q is neither a time such as 2026-11-22T01:00:00+08:00 nor a span such as 24h", s)
	}
	return t, nil
}

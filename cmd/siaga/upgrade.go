package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"siaga/internal/app"
)

func rebuildCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rebuild --config FILE",
		Short: "Make every table that lives from events anew from the journal",
		Long: `rebuild is for a database whose check says that a table is not what the journal explains. Events, checkpoints, keys,
passwords and video are not touched. The program must not run. An upgrade does the same by itself.`,
		Args: cobra.NoArgs,
	}
	load := configFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		count, wipe := progress("event")
		err = app.Rebuild(cmd.Context(), cfg, count)
		wipe()
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), "made anew; prove it with siaga check")
		return nil
	}
	return c
}

func downgradeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "downgrade --config FILE --to VERSION",
		Short: "Make the data readable again for an older program",
		Long: `downgrade is the way back after an upgrade. An older program that finds newer data refuses it and names the version
that it knows; give that with --to, run this program's downgrade, then start the older one. No event is touched or lost;
what only this program knows comes back with the next upgrade. Make a backup first. The program must not run.`,
		Args: cobra.NoArgs,
	}
	load := configFlag(c)
	to := c.Flags().Int64("to", 0, "version of the schema that the older program knows")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if *to == 0 {
			return fmt.Errorf("%w: --to VERSION is needed; the older program names it when it refuses the data", errUsage)
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		from, err := app.Downgrade(cmd.Context(), cfg, *to)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "the data is of version %d now (it was %d); start the older program\n", *to, from)
		return nil
	}
	return c
}

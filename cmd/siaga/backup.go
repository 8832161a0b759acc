package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"siaga/internal/app"
)

func backupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "backup --config FILE --to DIR",
		Short: "Copy database and keys into a new folder, beside the running program too",
		Long: `backup writes a consistent copy of the database and the keys into DIR, which must not exist. To restore, stop
the program and put the copy where the data directory was; siaga check proves that it is whole.`,
		Args: cobra.NoArgs,
	}
	load := configFlag(c)
	to := c.Flags().String("to", "", "folder to write, which must not exist")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if *to == "" {
			return fmt.Errorf("%w: --to DIR is needed", errUsage)
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		rep, err := app.Backup(cmd.Context(), cfg, *to)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %d events, root %s\n", *to, rep.Events, rep.Root)
		return nil
	}
	return c
}

func keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key --config FILE",
		Short: "Print the public key that verifies the site's checkpoints",
		Args:  cobra.NoArgs,
	}
	load := configFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		key, err := app.VerifierKey(cfg)
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), key)
		return nil
	}
	return c
}

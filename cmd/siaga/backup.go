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
		Long: `backup writes a consistent copy of the database and the keys into DIR, which must not exist. siaga restore
puts it back.`,
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

func restoreCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "restore --config FILE --from DIR",
		Short: "Prove a backup and put it into an empty data directory",
		Long: `restore checks the backup first and changes nothing if it is not whole. The data directory must hold no database.
Video is not in a backup; what is not copied back beside it is named by siaga check, file by file.`,
		Args: cobra.NoArgs,
	}
	load := configFlag(c)
	from := c.Flags().String("from", "", "folder that siaga backup wrote")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if *from == "" {
			return fmt.Errorf("%w: --from DIR is needed", errUsage)
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		rep, err := app.Restore(cmd.Context(), cfg, *from)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %d events, root %s\n", cfg.Data, rep.Events, rep.Root)
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

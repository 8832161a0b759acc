package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"siaga/internal/app"
	"siaga/internal/config"
	"siaga/internal/registry"
)

func deviceCommand() *cobra.Command {
	c := &cobra.Command{Use: "device", Short: "List, import and export what the site has"}
	c.AddCommand(deviceList(), deviceImport(), deviceExport())
	return c
}

// offline runs fn on the site's data, and says what to do when the program is running.
func offline(ctx context.Context, cfg config.Config, fn func(context.Context, *app.App) error) error {
	err := app.Offline(ctx, cfg, version, fn)
	if errors.Is(err, app.ErrRunning) {
		return fmt.Errorf("%w (%w)", errRunning, err)
	}
	return err
}

func deviceList() *cobra.Command {
	c := &cobra.Command{Use: "list --config FILE", Short: "List the devices", Args: cobra.NoArgs}
	load := configFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		return offline(cmd.Context(), cfg, func(_ context.Context, a *app.App) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tKIND\tNAME\tZONE\tON")
			for _, d := range a.Registry().Devices() {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%v\n", d.ID, d.Kind, d.Name, d.Zone, d.Enabled)
			}
			return w.Flush()
		})
	}
	return c
}

func deviceImport() *cobra.Command {
	c := &cobra.Command{
		Use:   "import --config FILE DOCUMENT",
		Short: "Bring zones and devices to what a document says",
		Long:  "import takes YAML, JSON or CSV (see docs/ref/registry.md). All of it is taken, or nothing; importing again changes nothing.",
		Args:  cobra.ExactArgs(1),
	}
	load := configFlag(c)
	dry := c.Flags().Bool("dry-run", false, "check everything, change nothing")
	format := c.Flags().String("format", "", `"csv" for a table; YAML or JSON otherwise`)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		return offline(cmd.Context(), cfg, func(ctx context.Context, a *app.App) error {
			rep, err := a.Registry().Import(ctx, registry.By{Reason: "siaga device import"}, text, registry.ImportOptions{Format: *format, DryRun: *dry})
			for _, p := range rep.Problems {
				fmt.Fprintf(os.Stderr, "%s:%d: %s %s: %s\n", args[0], p.Row, p.ID, p.Field, p.Message)
			}
			if err != nil {
				return err
			}
			for _, ch := range rep.Changes {
				fmt.Fprintf(cmd.OutOrStdout(), "%-8s %s %s\n", ch.Action, ch.What, ch.ID)
			}
			for _, s := range rep.Credentials {
				fmt.Fprintf(cmd.OutOrStdout(), "MQTT sign-in of %s, shown only now: user %s password %s\n", s.User, s.User, s.Password)
			}
			return nil
		})
	}
	return c
}

func deviceExport() *cobra.Command {
	c := &cobra.Command{Use: "export --config FILE", Short: "Print zones and devices as a document that import takes", Args: cobra.NoArgs}
	load := configFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		return offline(cmd.Context(), cfg, func(_ context.Context, a *app.App) error {
			doc, err := a.Registry().Export()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(doc)
			return err
		})
	}
	return c
}

// Command siaga is the whole program: serve, demo, check and the tools around them. Flags become options, options
// become an app, its error becomes an exit code: 0 done, 1 failed, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"siaga/internal/config"
)

// version is set by the build.
var version = "unknown"

// errUsage marks an error as wrong usage.
var errUsage = errors.New("wrong usage")

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		// From here on a second signal ends the program at once.
		signal.Reset(syscall.SIGINT, syscall.SIGTERM)
	})
	root := command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage) || strings.HasPrefix(err.Error(), "unknown command"):
		fmt.Fprintf(os.Stderr, "siaga: %v\nSee: siaga --help\n", err)
		return 2
	default:
		fmt.Fprintf(os.Stderr, "siaga: %v\n", err)
		return 1
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "siaga",
		Short: "Physical-security monitoring for election offices and ballot warehouses",
		Long: `Siaga takes in cameras, radios, drones and sensors, keeps every event where nobody can quietly
change it, records the video, and shows live alerts in the secured server room.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.AddCommand(serveCommand(), demoCommand(), checkCommand(), doctorCommand(), userCommand(), deviceCommand(), rulesCommand(), backupCommand(), restoreCommand(), rebuildCommand(), downgradeCommand(), keyCommand())
	root.CompletionOptions.HiddenDefaultCmd = true
	wrapArgs(root)
	return root
}

// wrapArgs marks wrong arguments of any command as wrong usage.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// configFlag adds --config and returns what loads it.
func configFlag(c *cobra.Command) func() (config.Config, error) {
	path := c.Flags().String("config", "", "configuration file (see configs/siaga.yaml)")
	return func() (config.Config, error) {
		if *path == "" {
			return config.Config{}, fmt.Errorf("%w: --config FILE is needed", errUsage)
		}
		cfg, err := config.Load(*path)
		if err != nil {
			return cfg, err
		}
		setLog(cfg.Log)
		return cfg, nil
	}
}

// adjustable is a log whose level can be set while the program runs.
type adjustable struct {
	slog.Handler
	*slog.LevelVar
}

func setLog(l config.Log) {
	level := new(slog.LevelVar)
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level.Set(slog.LevelInfo) // config proved the word
	}
	o := &slog.HandlerOptions{Level: level}
	var to slog.Handler = slog.NewTextHandler(os.Stderr, o)
	if l.Format == "json" {
		to = slog.NewJSONHandler(os.Stderr, o)
	}
	slog.SetDefault(slog.New(adjustable{to, level}))
}

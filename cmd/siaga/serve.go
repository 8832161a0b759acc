package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"siaga/internal/app"
	"siaga/internal/config"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the site",
		Args:  cobra.NoArgs,
	}
	load := configFlag(c)
	profile := c.Flags().String("cpu-profile", "", "write a CPU profile of the whole run into this file, for `go tool pprof`")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		return profiled(*profile, func() error { return serve(cmd.Context(), cfg) })
	}
	return c
}

// profiled runs fn and writes its CPU profile into file, if one is wanted.
func profiled(file string, fn func() error) error {
	if file == "" {
		return fn()
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("siaga: CPU profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(fmt.Errorf("siaga: CPU profile: %w", err), f.Close())
	}
	err = fn()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

func serve(ctx context.Context, cfg config.Config) error {
	a, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, a.Stop())
	}
	slog.Info("siaga is up", "dashboard", a.URL(), "mqtt", a.MQTT())
	if code := a.Auth().EnrolmentCode(); code != "" {
		fmt.Printf("\nNobody is enrolled yet. Open %s and enrol the administrator with this code:\n\n    %s\n\n", a.URL(), code)
	}
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady+"\nSTATUS="); err != nil {
		slog.Warn("systemd was not told that we are ready", "err", err)
	}
	err = a.Wait(ctx)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) // nobody is waiting for this answer
	return errors.Join(err, a.Stop())
}

// open opens the site. While its database is damaged the program stands by until somebody has put it back.
func open(ctx context.Context, cfg config.Config) (*app.App, error) {
	for {
		a, err := app.Open(ctx, cfg, version)
		if !errors.Is(err, app.ErrDamaged) {
			return a, err
		}
		if _, err := daemon.SdNotify(false, daemon.SdNotifyReady+"\nSTATUS=STANDBY: the database is damaged, restore the last backup"); err != nil {
			slog.Warn("systemd was not told that we stand by", "err", err)
		}
		if err := app.Standby(ctx, cfg, version, err); err != nil {
			return nil, err
		}
	}
}

func demoCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "demo [--dir DIR] [--listen ADDR]",
		Short: "Run a whole simulated site",
		Long: `demo builds the site "KPU Kabupaten Majene" in DIR: cameras looping real footage, a radio gateway with six
handy-talkies, a drone on patrol, doors, smoke and leak sensors, all simulated, all through the real front doors.
It writes DIR/siaga.yaml, so that every other command works on it, and DIR/demo.json once it is ready.`,
		Args: cobra.NoArgs,
	}
	dir := c.Flags().String("dir", "demo-data", "data directory of the demo")
	listen := c.Flags().String("listen", "127.0.0.1:8443", "address of the dashboard; port 0 takes a free one")
	quiet := c.Flags().Bool("quiet", false, "no panics, smoke or leaks by themselves")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return app.Demo(cmd.Context(), app.DemoOptions{Dir: *dir, Listen: *listen, Quiet: *quiet, Version: version, Out: cmd.OutOrStdout(), Log: setLog})
	}
	return c
}

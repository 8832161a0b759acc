package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"siaga/internal/app"
)

func doctorCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor --config FILE",
		Short: "Say in plain words what is wrong and what to do",
		Long: `doctor looks at the disk, the clock, the keys, the rules, the certificates, the running program and the last day of
the log. It changes nothing and may run beside the program. It exits with 1 if something hurts now.`,
		Args: cobra.NoArgs,
	}
	load := configFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		return printFindings(cmd.OutOrStdout(), app.Diagnose(cmd.Context(), cfg))
	}
	return c
}

func printFindings(out io.Writer, all []app.Finding) error {
	hurts := 0
	for _, f := range all {
		if f.Grade == app.Fail {
			hurts++
		}
		fmt.Fprintf(out, "%-4s  %s\n", f.Grade, f.What)
		if f.Do != "" {
			fmt.Fprintf(out, "      -> %s\n", f.Do)
		}
	}
	if hurts > 0 {
		return errors.New("doctor: something hurts; see the lines that begin with fail")
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"siaga/internal/app"
	"siaga/internal/auth"
)

func userCommand() *cobra.Command {
	c := &cobra.Command{Use: "user", Short: "List and add people, give a new password"}
	c.AddCommand(userList(), userAdd(), userReset())
	return c
}

func userList() *cobra.Command {
	c := &cobra.Command{Use: "list --config FILE", Short: "List the people", Args: cobra.NoArgs}
	load := configFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		return offline(cmd.Context(), cfg, func(_ context.Context, a *app.App) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "LOGIN\tNAME\tROLES\tACTIVE")
			for _, p := range a.Auth().People() {
				fmt.Fprintf(w, "%s\t%s\t%v\t%v\n", p.Login, p.Name, p.Roles, p.Active)
			}
			return w.Flush()
		})
	}
	return c
}

func userAdd() *cobra.Command {
	c := &cobra.Command{
		Use:   "add --config FILE --name NAME --role ROLE LOGIN",
		Short: "Add a person; prints a first password that must be changed at the first sign-in",
		Args:  cobra.ExactArgs(1),
	}
	load := configFlag(c)
	name := c.Flags().String("name", "", "the person's name, in one field")
	role := c.Flags().StringSlice("role", nil, "role: "+roleWords()+" (may be given more than once)")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		if *name == "" || len(*role) == 0 {
			return fmt.Errorf("%w: --name and --role are needed", errUsage)
		}
		n := auth.NewPerson{Login: args[0], Name: *name, MustChange: true}
		for _, r := range *role {
			n.Roles = append(n.Roles, auth.Role(r))
		}
		return offline(cmd.Context(), cfg, func(ctx context.Context, a *app.App) error {
			if n.Password, err = auth.NewPassword(); err != nil {
				return err
			}
			if _, err := a.Auth().AddPerson(ctx, auth.By{Reason: "siaga user add"}, n); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s may sign in once with: %s\n", n.Login, n.Password)
			return nil
		})
	}
	return c
}

func userReset() *cobra.Command {
	c := &cobra.Command{
		Use:   "reset-password --config FILE LOGIN",
		Short: "Give a person a new first password; prints it and ends their sessions",
		Args:  cobra.ExactArgs(1),
	}
	load := configFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		return offline(cmd.Context(), cfg, func(ctx context.Context, a *app.App) error {
			for _, p := range a.Auth().People() {
				if p.Login != args[0] {
					continue
				}
				fresh, err := a.Auth().ResetPassword(ctx, auth.By{Reason: "siaga user reset-password"}, p.ID, "")
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s may sign in once with: %s\n", p.Login, fresh)
				return nil
			}
			return fmt.Errorf("there is nobody with the login %q; see `siaga user list`", args[0])
		})
	}
	return c
}

func roleWords() string {
	var words []string
	for _, r := range auth.Roles() {
		words = append(words, string(r))
	}
	return strings.Join(words, ", ")
}

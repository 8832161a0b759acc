// Command benchtable makes the table of figures: it reads what the benchmarks of each group printed, sets our figures
// beside the peers' of the same run and beside the targets, and writes Markdown to standard output.
//
//	benchtable FILE...     one file a group, as .ci/bench.sh writes them: GROUP.txt
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "benchtable: want the groups' files, as .ci/bench.sh writes them")
		os.Exit(2)
	}
	var runs []run
	for _, name := range os.Args[1:] {
		raw, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, "benchtable:", err)
			os.Exit(1)
		}
		runs = append(runs, parse(strings.TrimSuffix(filepath.Base(name), ".txt"), string(raw)))
	}
	fmt.Print(page(runs))
}

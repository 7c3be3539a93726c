// SPDX-License-Identifier: Apache-2.0

// Reads dashboards as Grafana's own types do, strictly: a field that they do not know, that has another type or that is
// missing is an error. Its arguments are names of files. Status 1: stderr has a line for each fault.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func read(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var found dashboard.Dashboard
	// It returns a list of faults also when that is empty.
	var faults cog.BuildErrors
	if err := found.UnmarshalJSONStrict(text); !errors.As(err, &faults) || len(faults) > 0 {
		return err
	}
	return found.Validate()
}

func main() {
	plugins.RegisterDefaultPlugins() // the types of panels and of Prometheus' queries
	status := 0
	for _, name := range os.Args[1:] {
		if err := read(name); err != nil {
			fmt.Fprintf(os.Stderr, "%s:\n%v\n", name, err)
			status = 1
		}
	}
	os.Exit(status)
}

package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// Version describes the binary.
type Version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func newVersionCommand(p Process) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := Version{Version: p.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
			return o.write(cmd, answer{
				json:   v,
				header: []string{"version", "go", "os", "arch"},
				rows:   [][]string{{v.Version, v.Go, v.OS, v.Arch}},
				text:   fmt.Sprintf("lineitem %s, %s on %s/%s\n", v.Version, v.Go, v.OS, v.Arch),
			})
		},
	}
	o.flag(cmd)
	return cmd
}

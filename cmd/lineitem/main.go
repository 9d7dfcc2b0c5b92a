// Command lineitem is the whole product in one binary: the server, and the command line that speaks to it.
package main

import (
	"context"
	"os"

	"github.com/lineitem/lineitem/internal/cli"
)

// version is set when the binary is built for use.
var version = "dev"

func main() {
	os.Exit(cli.Main(context.Background(), cli.OSProcess(version)))
}

// Command lineitem is the whole product: the server, and the commands that talk to one.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/lineitem/lineitem/internal/cli"
)

// version is set by the linker: go build -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for an orderly end; from then on a second one ends the program at once.
	context.AfterFunc(ctx, stop)
	return cli.Main(ctx, cli.OSProcess(version))
}

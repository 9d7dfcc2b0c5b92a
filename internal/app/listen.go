package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// listen opens the port and finds out the address that goes with it.
func (a *App) listen(ctx context.Context) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		return listenError(a.cfg.Listen, err)
	}
	a.listener = listener
	// Serving closes the listener too; a second time is not a failure.
	a.onClose(func() error {
		if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	a.url = a.cfg.PublicURL
	if a.url == "" {
		a.url = a.localURL()
	}
	if addr, ok := listener.Addr().(*net.TCPAddr); ok && !addr.IP.IsLoopback() && !strings.HasPrefix(a.url, "https://") {
		a.logger.WarnContext(ctx, "other machines can reach this server without encryption: put TLS in front of it and give its address as --public-url",
			slog.String("listen", listener.Addr().String()))
	}
	return nil
}

// localURL is how programs on this machine reach the server.
func (a *App) localURL() string {
	host, port, err := net.SplitHostPort(a.listener.Addr().String())
	if err != nil {
		return "http://" + a.listener.Addr().String()
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func listenError(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("another program listens on %s already, so nothing was started. If it is a Lineitem server, use it; "+
			"else stop it, or choose another address with --listen (port 0 picks a free one)", address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not listen on %s, so nothing was started. Choose a port above 1023 with --listen", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("this machine has no address %s, so nothing was started. Choose one of its own with --listen", address[:strings.LastIndex(address, ":")])
	default:
		return fmt.Errorf("listen on %s: %w", address, err)
	}
}

// Address is where the server listens, "host:port".
func (a *App) Address() string { return a.listener.Addr().String() }

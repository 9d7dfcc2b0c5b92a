package app

import (
	"io"
	"log/slog"

	"github.com/lineitem/lineitem/internal/config"
)

// NewLogger returns the logger that the settings ask for.
func NewLogger(cfg config.Config, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

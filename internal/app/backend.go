package app

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/backend/fake"
	"github.com/lineitem/lineitem/internal/backend/local"
	"github.com/lineitem/lineitem/internal/config"
)

// openBackend opens what the settings chose to run clusters.
func (a *App) openBackend(ctx context.Context) (backend.Backend, error) {
	installation, err := a.db.InstallationID(ctx)
	if err != nil {
		return nil, err
	}
	if a.cfg.Backend == config.BackendFake {
		machines := a.options.Machines
		if machines == nil {
			machines = fake.NewMachines(a.now)
		}
		return fake.New(machines, installation), nil
	}
	python := a.cfg.Python
	if python == "" {
		python = config.FindPython(a.options.Executable, a.options.WorkingDir)
	}
	b, err := local.New(local.Config{
		Dir: filepath.Join(a.cfg.Data, "local"), Installation: installation, Python: python, Logger: a.logger,
	})
	if err != nil {
		return nil, fmt.Errorf("open the local backend: %w", err)
	}
	a.onClose(b.Close)
	return b, nil
}

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// credentialsFile is what is kept between commands; the Python package reads it too.
type credentialsFile struct {
	// Servers by address.
	Servers map[string]savedServer `json:"servers"`
	// Default is the server where the user signed in last.
	Default string `json:"default"`
}

// savedServer is how to talk to one server.
type savedServer struct {
	Token string `json:"token"`
	// TokenID names the token where it was made for this file, so that signing out can revoke it.
	TokenID string `json:"token_id,omitempty"`
}

// credentialsPath is ${XDG_CONFIG_HOME:-~/.config}/lineitem/credentials.json.
func credentialsPath(p Process) (string, error) {
	// A relative XDG_CONFIG_HOME is to be ignored, says its specification.
	if folder := p.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(folder) {
		return filepath.Join(folder, "lineitem", "credentials.json"), nil
	}
	if home := p.getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "lineitem", "credentials.json"), nil
	}
	return "", errors.New("neither XDG_CONFIG_HOME nor HOME is set, so there is no place for credentials; set one, or use LINEITEM_TOKEN")
}

// loadCredentials reads the file; none is the same as an empty one.
func loadCredentials(p Process) (credentialsFile, error) {
	none := credentialsFile{Servers: map[string]savedServer{}}
	path, err := credentialsPath(p)
	if err != nil {
		return none, nil //nolint:nilerr // without a place nothing was saved; saving will say so
	}
	data, err := os.ReadFile(path) // the user's own file
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read credentials: %w", err)
	}
	c := none
	if err := json.Unmarshal(data, &c); err != nil {
		return none, fmt.Errorf("%s is not valid: %w; repair or remove it, then run \"lineitem login\"", path, err)
	}
	if c.Servers == nil {
		c.Servers = none.Servers
	}
	return c, nil
}

// saveCredentials replaces the file as a whole; only its owner can read it at any moment.
func saveCredentials(p Process, c credentialsFile) (path string, err error) {
	path, err = credentialsPath(p)
	if err != nil {
		return "", err
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode credentials: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("save credentials: %w", err)
	}
	if err := replaceFile(path, append(data, '\n')); err != nil {
		return "", fmt.Errorf("save credentials: %w", err)
	}
	return path, nil
}

// replaceFile writes a private file beside path and renames it, so that a reader sees the old or the new one, never half.
func replaceFile(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone after the rename; else half-written
	if _, err := file.Write(data); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// normalServer is the address under which a server is kept: no slash at the end, no surrounding space.
func normalServer(address string) string {
	return strings.TrimRight(strings.TrimSpace(address), "/")
}

package profile_test

import (
	"testing"

	"github.com/lineitem/lineitem/internal/core/profile"
)

func TestDefaultRules(t *testing.T) {
	if v := profile.Default().Version(); v < 1 {
		t.Errorf("version %d, want at least 1", v)
	}
}

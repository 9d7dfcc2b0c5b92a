package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/sdk"
)

func (s *server) meRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/me", "get-me", tagIdentity, "Say who the caller is, and what server this is"), s.me)
}

func (s *server) me(ctx context.Context, _ *struct{}) (*body[sdk.Me], error) {
	return answer(s.meToAPI(actorOf(ctx).User)), nil
}

func (s *server) meToAPI(u identity.User) sdk.Me {
	return sdk.Me{
		User: userToAPI(u), Version: s.Version, Organisation: s.Organisation, TimeZone: s.TimeZone, Rates: cardToAPI(s.Card(s.Now())),
	}
}

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
	me, err := s.meToAPI(ctx, actorOf(ctx).User)
	if err != nil {
		return nil, err
	}
	return answer(me), nil
}

func (s *server) meToAPI(ctx context.Context, u identity.User) (sdk.Me, error) {
	mine, err := s.Groups.Mine(ctx, identity.Actor{User: u})
	if err != nil {
		return sdk.Me{}, err
	}
	return sdk.Me{
		User: userToAPI(u), Version: s.Version, Organisation: s.Organisation, TimeZone: s.TimeZone, Rates: cardToAPI(s.Card(s.Now())),
		Groups: convert(mine, func(m identity.Membership) sdk.Membership {
			return sdk.Membership{ID: string(m.Group.ID), Path: m.Group.Path, Role: string(m.Role), Pays: m.Pays}
		}),
	}, nil
}

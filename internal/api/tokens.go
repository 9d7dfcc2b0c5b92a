package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/sdk"
)

type createTokenInput struct {
	Body sdk.TokenRequest
}

type tokenRef struct {
	ID string `path:"token_id" maxLength:"200"`
}

func (s *server) tokenRoutes(a huma.API) {
	register(s, a, created(public(operation(http.MethodPost, "/tokens", "create-token", tagIdentity,
		"Make an API token, as a signed-in user or with a one-time code"))), s.createToken)
	register(s, a, operation(http.MethodGet, "/tokens", "list-tokens", tagIdentity, "List the caller's API tokens"), s.listTokens)
	register(s, a, operation(http.MethodDelete, "/tokens/{token_id}", "delete-token", tagIdentity, "Revoke an API token"), s.deleteToken)
}

func (s *server) createToken(ctx context.Context, in *createTokenInput) (*body[sdk.Token], error) {
	lifetime, err := tokenLifetime(in.Body.ExpiresInSeconds)
	if err != nil {
		return nil, err
	}
	var token identity.Token
	var secret string
	if in.Body.Code != "" {
		token, secret, err = s.Identity.TokenForCode(ctx, s.Now(), in.Body.Code, in.Body.Name, lifetime)
	} else {
		actor := actorOf(ctx)
		if actor.User.ID == "" {
			return nil, errNobody()
		}
		token, secret, err = s.Identity.CreateToken(ctx, s.Now(), actor, in.Body.Name, lifetime)
	}
	if err != nil {
		return nil, err
	}
	out := tokenToAPI(token)
	out.Secret = secret
	return answer(out), nil
}

func (s *server) listTokens(ctx context.Context, _ *struct{}) (*body[sdk.TokenList], error) {
	tokens, err := s.Identity.ListTokens(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return answer(sdk.TokenList{Items: convert(tokens, tokenToAPI)}), nil
}

func (s *server) deleteToken(ctx context.Context, in *tokenRef) (*struct{}, error) {
	return nil, s.Identity.DeleteToken(ctx, actorOf(ctx), in.ID)
}

// maxTokenSeconds is a hundred years: whoever wants more wants a token without end.
const maxTokenSeconds = 100 * 365 * 24 * 60 * 60

func tokenLifetime(seconds int64) (time.Duration, error) {
	if seconds < 0 || seconds > maxTokenSeconds {
		return 0, errLifetime()
	}
	return time.Duration(seconds) * time.Second, nil
}

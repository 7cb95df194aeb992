package links

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(handler http.Handler, method, path, body string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
	return recorder
}

func TestHealth(t *testing.T) {
	answer := ask(NewHandler(), "GET", "/healthz", "")
	if answer.Code != 200 || strings.TrimSpace(answer.Body.String()) != `{"status":"ok"}` {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
}

func TestLinkIsFollowed(t *testing.T) {
	handler := NewHandler()
	if made := ask(handler, "POST", "/links", `{"url":"https://example.com/a"}`); made.Code != 201 {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	followed := ask(handler, "GET", "/links/1", "")
	if followed.Code != 302 || followed.Header().Get("Location") != "https://example.com/a" {
		t.Fatalf("%d %v", followed.Code, followed.Header())
	}
}

func TestRefused(t *testing.T) {
	cases := []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/links", "", 405},
		{"POST", "/links", "{", 400},
		{"POST", "/links", `{"url":"javascript:alert(1)"}`, 400},
		{"POST", "/links", `{"url":"/local"}`, 400},
		{"GET", "/links/1", "", 404},
		{"GET", "/links/zzzzzzzzzz", "", 404},
		{"GET", "/", "", 404},
	}
	for _, c := range cases {
		if answer := ask(NewHandler(), c.method, c.path, c.body); answer.Code != c.status {
			t.Errorf("%s %s %s: %d, not %d", c.method, c.path, c.body, answer.Code, c.status)
		}
	}
}

// Package links keeps short links in memory and serves them over HTTP.
package links

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

const maxBody = 64 << 10

// Store holds all links.  It may be used from many goroutines.
type Store struct {
	mu   sync.RWMutex
	urls []string
}

// Add returns the key of the link, or false when it is not an absolute http or https URL.
func (s *Store) Add(target string) (string, bool) {
	parsed, err := url.Parse(target)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.urls = append(s.urls, target)
	return strconv.FormatInt(int64(len(s.urls)), 36), true
}

// Get returns the URL behind a key.
func (s *Store) Get(key string) (string, bool) {
	number, err := strconv.ParseInt(key, 36, 32)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err != nil || number < 1 || int(number) > len(s.urls) {
		return "", false
	}
	return s.urls[number-1], true
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func fail(w http.ResponseWriter, status int, sentence string) {
	answer(w, status, map[string]string{"error": sentence})
}

// NewHandler serves an empty store.
func NewHandler() http.Handler {
	store := &Store{}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("/links", store.create)
	mux.HandleFunc("/links/", store.follow)
	return mux
}

func (s *Store) create(w http.ResponseWriter, r *http.Request) {
	var body struct {
		URL string `json:"url"`
	}
	if r.Method != http.MethodPost {
		fail(w, http.StatusMethodNotAllowed, "only POST")
		return
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		fail(w, http.StatusBadRequest, "send {\"url\": \"...\"}")
		return
	}
	key, ok := s.Add(body.URL)
	if !ok {
		fail(w, http.StatusBadRequest, "this is no http or https URL")
		return
	}
	answer(w, http.StatusCreated, map[string]string{"key": key, "url": body.URL})
}

func (s *Store) follow(w http.ResponseWriter, r *http.Request) {
	target, ok := s.Get(strings.TrimPrefix(r.URL.Path, "/links/"))
	if !ok {
		fail(w, http.StatusNotFound, "there is no such link")
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}

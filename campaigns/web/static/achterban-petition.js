// The custom element for other sites.

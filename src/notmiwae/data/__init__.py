"""Complete tables (data sets), how their values go missing (mechanisms), and tables on disk."""

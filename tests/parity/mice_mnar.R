# What mice makes of mnar_input.csv under mnar.norm (y, shifted in its own unit) and mnar.logreg (b, shifted
# in log-odds), the other column being imputed at random: writes mnar_mice.csv.
#
#   Rscript tests/parity/mice_mnar.R        (R 4.2.2, mice 3.15.0: Debian's r-base-core and r-cran-mice)
#
# Columns: the pattern of gaps (see mnar_table.py), the shifted column, delta, the estimand, its pooled estimate
# and standard error (Rubin's rules), the variance between the m imputations, and m.
suppressPackageStartupMessages(library(mice))

arguments <- commandArgs(FALSE)
folder <- dirname(sub("^--file=", "", grep("^--file=", arguments, value = TRUE)))
input <- read.csv(file.path(folder, "mnar_input.csv"))
m <- 100

pooled <- function(estimates, variances) {
  within <- mean(variances)
  between <- var(estimates)
  c(estimate = mean(estimates), standard_error = sqrt(within + (1 + 1 / m) * between), between = between)
}

answers <- function(completed) {
  n <- nrow(completed)
  share <- as.numeric(completed$b == 1)
  fit <- summary(lm(y ~ x, completed))$coefficients
  list(
    mean_y = c(mean(completed$y), var(completed$y) / n),
    y_on_x = c(fit["x", 1], fit["x", 2]^2),
    share_b = c(mean(share), var(share) / n)
  )
}

rows <- list()
for (pattern in c("apart", "together")) {
  own <- paste0(c("y", "b"), "_", pattern)
  table <- data.frame(x = input$x, y = input[[own[1]]], b = factor(input[[own[2]]], levels = c(0, 1)))
  for (column in c("y", "b")) {
    for (delta in if (column == "y") c(-1, -0.5, 0, 0.5, 1) else c(-2, -1, 0, 1, 2)) {
      method <- c(x = "", y = if (column == "y") "mnar.norm" else "norm",
                  b = if (column == "b") "mnar.logreg" else "logreg")
      blots <- setNames(list(list(ums = as.character(delta))), column)
      imputed <- mice(table, m = m, maxit = 10, method = method, blots = blots, seed = 1, printFlag = FALSE)
      each <- lapply(seq_len(m), function(k) answers(complete(imputed, k)))
      for (name in names(each[[1]])) {
        found <- sapply(each, `[[`, name)
        rows[[length(rows) + 1]] <- data.frame(
          pattern = pattern, shifted = column, delta = delta, estimand = name, t(pooled(found[1, ], found[2, ])), m = m
        )
      }
    }
  }
}
numbers <- do.call(rbind, rows)
rounded <- sapply(numbers, is.numeric)
numbers[rounded] <- lapply(numbers[rounded], signif, digits = 6)
write.csv(numbers, file.path(folder, "mnar_mice.csv"), row.names = FALSE, quote = FALSE)

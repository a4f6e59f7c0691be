//! Eigenvalues of small symmetric matrices.

/// (value, unit vector), largest value first, by Jacobi's rotations (Golub and Van Loan, Matrix Computations, 8.5).
/// `matrix`: rows of a symmetric matrix of finite numbers; O(n³) a sweep, meant for tens of columns.
pub(super) fn symmetric_eigen(mut matrix: Vec<Vec<f64>>) -> Vec<(f64, Vec<f64>)> {
    let n = matrix.len();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let scale: f64 = matrix.iter().flatten().map(|value| value * value).sum();
    // Convergence is quadratic: a handful of sweeps; the bound only ends a loop over what is not finite.
    for _ in 0..64 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| matrix[i][j].powi(2)).sum();
        if off <= 1e-32 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if matrix[p][q] != 0.0 {
                    rotate(&mut matrix, &mut vectors, p, q);
                }
            }
        }
    }
    let mut found: Vec<(f64, Vec<f64>)> =
        (0..n).map(|i| (matrix[i][i], vectors.iter().map(|row| row[i]).collect())).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found
}

/// Makes the cell (p, q) zero.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
    // The smaller of both angles.
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for row in matrix.iter_mut().chain(vectors) {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
    let (above, below) = matrix.split_at_mut(q);
    for (a, b) in above[p].iter_mut().zip(&mut below[0]) {
        (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
    }
}

#[cfg(test)]
mod tests {
    use super::symmetric_eigen;

    #[test]
    fn a_matrix_is_what_its_eigenvectors_say() {
        let matrix = vec![
            vec![4.0, 1.0, -2.0, 0.5],
            vec![1.0, 3.0, 0.0, 1.0],
            vec![-2.0, 0.0, 1.0, 2.0],
            vec![0.5, 1.0, 2.0, -1.0],
        ];
        let found = symmetric_eigen(matrix.clone());
        assert!(found.windows(2).all(|pair| pair[0].0 >= pair[1].0), "{found:?}");
        for (value, vector) in &found {
            for (row, own) in matrix.iter().zip(vector) {
                let image: f64 = row.iter().zip(vector).map(|(a, v)| a * v).sum();
                assert!((image - value * own).abs() < 1e-13, "{value}: {image}, {own}");
            }
            let length: f64 = vector.iter().map(|v| v * v).sum();
            assert!((length - 1.0).abs() < 1e-13, "{length}");
        }
        let trace: f64 = found.iter().map(|(value, _)| value).sum();
        assert!((trace - 7.0).abs() < 1e-13, "{trace}");
    }

    #[test]
    fn equal_diagonals_zeros_and_nothing() {
        let found = symmetric_eigen(vec![vec![1.0, 1.0], vec![1.0, 1.0]]);
        assert!((found[0].0 - 2.0).abs() < 1e-15 && found[1].0.abs() < 1e-15, "{found:?}");
        assert_eq!(symmetric_eigen(vec![vec![0.0; 2]; 2])[0], (0.0, vec![1.0, 0.0]));
        assert!(symmetric_eigen(Vec::new()).is_empty());
    }
}

//! The domains in which AWS's own endpoints stand. Knows no services: who asks which host, others judge.

/// With the dot before them: `amazonaws.com` itself is no endpoint, and `evilamazonaws.com` is not AWS's.
pub const AWS_DOMAINS: [&str; 7] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
    ".amazonaws.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
];
